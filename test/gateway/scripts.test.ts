import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { createScriptTranslator } from "../../src/gateway/scripts.ts";
import { openScene } from "./open-gateway.ts";
import { asBase64 } from "./token.ts";

const scene = openScene();
const header = "#!lua flags=allow-key-locking";
const sha1 = (script: string) => createHash("sha1").update(script).digest("hex");
const result = async (...words: readonly unknown[]) => JSON.parse((await scene.command(...words)).text);

/** A script of its own for each test, since the server's script cache is shared. */
let serial = 0;
const script = (line = header) => `${line}\nreturn ${(serial += 1)}`;

describe("a script with the header of key locking", () => {
  it.each(["EVAL", "eval", "EVAL_RO"])("runs by %s", async (command) => {
    const lua = script();
    expect(await result(command, lua, 0)).toEqual({ result: serial });
  });

  it.each(["EVALSHA", "evalsha", "EVALSHA_RO"])(
    "then runs by %s of the digest that the client computes",
    async (command) => {
      const lua = script();
      await result("EVAL", lua, 0);
      expect(await result(command, sha1(lua), 0)).toEqual({ result: serial });
      expect(await result(command, sha1(lua).toUpperCase(), 0)).toEqual({ result: serial });
    },
  );

  it("is NOSCRIPT before it was seen, and after SCRIPT FLUSH, and comes back by EVAL", async () => {
    const lua = script();
    const absent = { error: "NOSCRIPT No matching script. Please use EVAL." };
    expect(await result("EVALSHA", sha1(lua), 0)).toEqual(absent);
    await result("EVAL", lua, 0);
    await result("SCRIPT", "FLUSH");
    expect(await result("EVALSHA", sha1(lua), 0)).toEqual(absent);
    await result("EVAL", lua, 0);
    expect(await result("EVALSHA", sha1(lua), 0)).toEqual({ result: serial });
  });

  it("is loaded and found under that digest", async () => {
    const lua = script();
    expect(await result("SCRIPT", "EXISTS", sha1(lua), sha1("x"))).toEqual({ result: [0, 0] });
    expect(await result("SCRIPT", "LOAD", lua)).toEqual({ result: sha1(lua) });
    expect(await result("SCRIPT", "EXISTS", sha1("x"), sha1(lua))).toEqual({ result: [0, 1] });
    expect(await result("EVALSHA", sha1(lua), 0)).toEqual({ result: serial });
  });

  it("runs in a pipeline and in a transaction", async () => {
    const lua = script();
    const body = JSON.stringify([
      ["SCRIPT", "LOAD", lua],
      ["EVAL", lua, 0],
    ]);
    const expected = `[{"result":"${sha1(lua)}"},{"result":${serial}}]`;
    expect((await scene.ask("/pipeline", { method: "POST", body })).text).toBe(expected);
    expect((await scene.ask("/multi-exec", { method: "POST", body })).text).toBe(expected);
    const encoded = await scene.ask("/pipeline", { method: "POST", body, headers: asBase64 });
    expect(encoded.text).toBe(expected.replace(sha1(lua), btoa(sha1(lua))));
  });

  it("keeps the flags that Redis knows", async () => {
    for (const flags of ["no-writes,allow-key-locking", "allow-key-locking,no-writes"]) {
      const lua = `#!lua flags=${flags}\nreturn redis.call('SET', KEYS[1], ${(serial += 1)})`;
      expect((await result("EVAL", lua, 1, "k")).error).toMatch(
        /^ERR Write commands are not allowed from read-only scripts/,
      );
    }
  });

  it("keeps the numbers of its lines", async () => {
    const { error } = await result("EVAL", `${header}\n\nreturn nothing.at.all`, 0);
    expect(error).toMatch(/user_script:3:/);
  });
});

describe("any other script", () => {
  it("goes out as it is", async () => {
    for (const lua of ["return 'plain'", "#!lua flags=no-writes\nreturn 'plain'", "#!lua\nreturn 'plain'"]) {
      expect(await result("EVAL", lua, 0)).toEqual({ result: "plain" });
      expect(await result("EVALSHA", sha1(lua), 0)).toEqual({ result: "plain" });
      expect(await result("SCRIPT", "LOAD", lua)).toEqual({ result: sha1(lua) });
    }
  });

  it("is told of a flag that nobody knows", async () => {
    const { error } = await result("EVAL", "#!lua flags=allow-everything\nreturn 1", 0);
    expect(error).toBe("ERR Unexpected flag in script shebang: allow-everything");
  });

  it("may hold the header's text further down", async () => {
    const lua = `return [[${header}]]`;
    expect(await result("EVAL", lua, 0)).toEqual({ result: header });
  });
});

describe("the memory of digests", () => {
  it("is bounded, forgets the oldest, and remembers anew", async () => {
    const translate = createScriptTranslator();
    const numbered = (n: number) => `${header}\nreturn ${n}`;
    const known = async (n: number) => (await translate(["EVALSHA", sha1(numbered(n))])).words[1] !== sha1(numbered(n));
    for (let n = 0; n < 1_200; n += 1) await translate(["EVAL", numbered(n), "0"]);
    expect(await Promise.all([0, 199, 200, 1_199].map(known))).toEqual([false, false, true, true]);
    await translate(["EVAL", numbered(200), "0"]);
    await translate(["EVAL", numbered(0), "0"]);
    expect(await Promise.all([0, 200, 201].map(known))).toEqual([true, true, false]);
  });
});
