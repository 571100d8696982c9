import { createHash } from "node:crypto";
import { deflateRawSync, inflateRawSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import type { Redis } from "../../src/core/port/redis.ts";
import { createGateway } from "../../src/gateway/index.ts";
import { sized } from "../support/long.ts";
import { openScene } from "./open-gateway.ts";
import { asBase64, bearer, token } from "./token.ts";

const scene = openScene({ maxBody: 64 * 1024 * 1024 });
const every = Uint8Array.from({ length: 256 }, (_, i) => i);
const base64 = (bytes: Uint8Array | string) => Buffer.from(bytes).toString("base64");

/** The result of a command, with every string in base64. */
async function encoded(...words: readonly unknown[]): Promise<unknown> {
  const answer = await scene.ask("/", { method: "POST", body: JSON.stringify(words), headers: asBase64 });
  return JSON.parse(answer.text).result;
}

async function store(key: string, bytes: Uint8Array): Promise<void> {
  const stored = await scene.ask(`/set/${key}`, { method: "POST", body: Buffer.from(bytes) });
  expect(stored.text).toBe('{"result":"OK"}');
}

describe("bytes that are not text", () => {
  it("come back as they were stored, in base64", async () => {
    await store("every", every);
    expect(await encoded("GET", "every")).toBe(base64(every));
    expect(await encoded("STRLEN", "every")).toBe(256);
    expect(await encoded("MGET", "every", "none")).toEqual([base64(every), null]);
  });

  it("come back as text with U+FFFD without base64", async () => {
    await store("broken", Uint8Array.of(0x61, 0xff, 0x62));
    expect((await scene.command("GET", "broken")).text).toBe('{"result":"a\uFFFDb"}');
  });

  it("survive compression", async () => {
    const page = "<p>ü</p>".repeat(10_000);
    await store("page", deflateRawSync(page));
    expect(inflateRawSync(Buffer.from(String(await encoded("GET", "page")), "base64")).toString()).toBe(page);
  });

  it("are the bits that SETBIT set", async () => {
    for (const bit of [0, 7, 9, 2_000]) await scene.command("SETBIT", "bits", bit, 1);
    const bits = Buffer.from(String(await encoded("GET", "bits")), "base64");
    expect([bits.length, bits[0], bits[1], bits[250]]).toEqual([251, 0b1000_0001, 0b0100_0000, 0b1000_0000]);
  });

  it.each([
    ["a pipeline", "/pipeline"],
    ["a transaction", "/multi-exec"],
  ])("come back in %s, in lists and from scripts", async (_, path) => {
    await store("every", every);
    const script = "return {redis.call('GET', KEYS[1]), {'\\255'}, 'ü'}";
    const body = JSON.stringify([
      ["GET", "every"],
      ["EVAL", script, 1, "every"],
      ["SET", "other", "ü€"],
    ]);
    const { text } = await scene.ask(path, { method: "POST", body, headers: asBase64 });
    expect(JSON.parse(text)).toEqual([
      { result: base64(every) },
      { result: [base64(every), ["/w=="], base64("ü")] },
      { result: "OK" },
    ]);
    expect(await encoded("GET", "other")).toBe(base64("ü€"));
  });

  it("may stand in a path, as keys, fields and values", async () => {
    expect((await scene.ask("/hset/k%ff/f%fe/v%fd%C3%BC")).text).toBe('{"result":1}');
    const { text } = await scene.ask("/hgetall/k%ff", { headers: asBase64 });
    expect(JSON.parse(text).result).toEqual([
      base64(Uint8Array.of(0x66, 0xfe)),
      base64(Uint8Array.of(0x76, 0xfd, 0xc3, 0xbc)),
    ]);
    expect((await scene.ask("/hexists/k/f")).text).toBe('{"result":0}');
  });

  it("leave scripts their digests, also those that are not ASCII", async () => {
    const script = "#!lua flags=allow-key-locking\nreturn 'ü'";
    expect(await encoded("EVAL", script, 0)).toBe(base64("ü"));
    const digest = createHash("sha1").update(script).digest("hex");
    expect(await encoded("EVALSHA", digest, 0)).toBe(base64("ü"));
  });

  it("are refused, and not changed, where the port carries text only", async () => {
    const { send, pipeline } = scene.redis;
    const gateway = createGateway({ send, pipeline }, { tokens: [token] });
    const ask = async (path: string, init: RequestInit = {}) => {
      const response = await gateway(new Request(`http://gateway${path}`, { headers: bearer, ...init }));
      return `${response.status} ${await response.text()}`;
    };
    const refusal = '400 {"error":"ERR this gateway carries text; the request holds bytes that are not UTF-8"}';
    expect(await ask("/set/bytes", { method: "POST", body: Uint8Array.of(0xff, 0xfe) })).toBe(refusal);
    expect(await ask("/set/bytes/%ff")).toBe(refusal);
    expect(await ask("/exists/bytes")).toBe('200 {"result":0}');
    expect(await ask("/echo/%C3%BC")).toBe('200 {"result":"ü"}');
    expect(await ask("/echo/%C3%BC", { headers: asBase64 })).toBe(`200 {"result":"${base64("ü")}"}`);
  });
});

describe("big integers", () => {
  const body = (result: string) => `{"result":${result}}`;

  it.each([
    ["without base64", bearer],
    ["with base64", asBase64],
  ])("are digits, and exact, %s", async (_, headers) => {
    const ask = async (words: readonly unknown[]) =>
      (await scene.ask("/", { method: "POST", body: JSON.stringify(words), headers })).text;
    await ask(["SET", "big", "9007199254740991"]);
    expect(await ask(["INCR", "big"])).toBe(body("9007199254740992"));
    expect(await ask(["INCR", "big"])).toBe(body("9007199254740993"));
    expect(await ask(["DECRBY", "low", "9223372036854775807"])).toBe(body("-9223372036854775807"));
    await ask(["DEL", "low"]);
    await ask(["HSET", "hash", "n", "9007199254740993"]);
    expect(await ask(["EVAL", "return {redis.call('HINCRBY', 'hash', 'n', 1), 7}", 1, "hash"])).toMatch(
      /^\{"result":\[9007199254740994,7\]\}$/,
    );
    await ask(["HDEL", "hash", "n"]);
  });

  it("are strings where they are strings", async () => {
    await scene.command("SET", "digits", "9007199254740993");
    expect((await scene.command("GET", "digits")).text).toBe(body('"9007199254740993"'));
  });
});

describe("a response that JavaScript cannot hold", () => {
  const value = "\u0001".repeat(95 * 1024 * 1024);
  const large: Redis = {
    send: ([name]) => Promise.resolve(name === "COMMAND" ? [] : value),
    pipeline: (commands) => Promise.resolve(commands.map(() => value)),
    transaction: (commands) => Promise.resolve(commands.map(() => value)),
  };

  const ways = [
    ["/multi-exec", '[["GET","large"]]'],
    ["/", '["GET","large"]'],
    ["/pipeline", '[["GET","large"]]'],
    ["/get/large", null],
  ] as const;

  // Each takes seconds. They share all but the first steps.
  it.each(ways.slice(0, sized(4, 2)))(
    "is answered with an error at %s, which says that the command ran",
    async (path, body) => {
      const faults: unknown[] = [];
      const gateway = createGateway(large, { tokens: [token], onError: (error) => faults.push(error) });
      const init = { method: body === null ? "GET" : "POST", body, headers: bearer };
      const response = await gateway(new Request(`http://gateway${path}`, init));
      expect(response.status).toBe(400);
      expect(await response.text()).toBe(
        '{"error":"ERR the command ran, but its reply is too large for one response; read it in parts"}',
      );
      expect(faults).toEqual([]);
    },
  );
});
