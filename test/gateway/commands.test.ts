import { Redis as Client } from "ioredis";
import { describe, expect, it } from "vitest";
import { findHidden, findMissing } from "../../src/cli/commands.ts";
import { ReplyError } from "../../src/core/errors.ts";
import type { Redis, Reply } from "../../src/core/port/redis.ts";
import { otherCommands, readCommands, refusalOf } from "../../src/gateway/refusals.ts";
import { openScene } from "./open-gateway.ts";

const scene = openScene();
const full = { access: { readOnly: false }, missing: new Set<string>() };

describe("what the gateway passes on", () => {
  it.each(["POST", "HOST:", "MIGRATE", "SWAPDB", "SLOWLOG", "LATENCY", "FT.SEARCH", "NEW"])("is not %s", (name) => {
    expect(refusalOf([name, "x"], full)?.message).toContain("is not available");
  });

  it("is nothing that waits, belongs to a connection or runs the server, of all commands of this server", async () => {
    const rows = (await scene.redis.send(["COMMAND"])) as [string, number, string[]][];
    const dangerous = rows.filter(([, , flags]) => flags.some((flag) => /admin|blocking|no_auth|no_multi/.test(flag)));
    const passed = dangerous.filter(([name]) => refusalOf([name, "x"], full) === null).map(([name]) => name);
    expect(passed.toSorted()).toEqual(["xread", "xreadgroup"]);
    for (const name of passed) expect(refusalOf([name, "BLOCK", "0", "STREAMS", "s", "$"], full)).not.toBeNull();
  });
});

describe("what a server says about its commands", () => {
  const answering = (answer: Reply | ReplyError): Redis => ({
    send: () => (answer instanceof ReplyError ? Promise.reject(answer) : Promise.resolve(answer)),
    pipeline: () => Promise.resolve([]),
  });
  const listed = [...readCommands, ...otherCommands];
  const rows = (change: (name: string) => readonly string[] = () => []) =>
    listed.map((name): Reply => [name.toLowerCase(), -2, ["write", ...change(name)]]);

  it("refuses nothing of the list that it has without other flags", async () => {
    expect(await findMissing(answering(rows()))).toEqual(new Set());
    const missing = (await findMissing(scene.redis)) ?? new Set();
    expect([...missing].filter((name) => ["GET", "XREAD", "EVAL", "PUBLISH", "ROLE", "SCRIPT"].includes(name))).toEqual(
      [],
    );
  });

  it.each(["blocking", "admin", "no_auth", "no_multi", "noscript", "pubsub"])(
    "refuses a name that is %s there",
    async (flag) => {
      const missing = await findMissing(answering(rows((name) => (name === "SET" ? [flag] : []))));
      expect(missing).toEqual(new Set(["SET"]));
      expect(refusalOf(["set", "k", "v"], { ...full, missing: missing ?? new Set() })).not.toBeNull();
    },
  );

  it("refuses a subcommand that is", async () => {
    const more: Reply = ["xinfo", -2, ["readonly"], 0, 0, 0, [], [], [], [["xinfo|wait", -2, ["blocking"]]]];
    const missing = (await findMissing(answering([...rows(), more]))) ?? new Set();
    expect(refusalOf(["XINFO", "Wait"], { ...full, missing })).not.toBeNull();
    expect(refusalOf(["XINFO", "STREAM"], { ...full, missing })).toBeNull();
  });

  it("refuses a name that it lacks", async () => {
    expect(await findMissing(answering(rows().slice(1)))).toEqual(new Set(listed.slice(0, 1)));
  });

  it("is not known where COMMAND is refused, and an outage is no such answer", async () => {
    expect(await findMissing(answering(new ReplyError("NOPERM no permissions")))).toBeNull();
    await expect(findMissing(answering(new ReplyError("LOADING Redis is loading")))).rejects.toThrow("LOADING");
  });
});

it("scripts may hide what this user may run, and nothing of it is run to find out", async () => {
  expect(await findHidden(scene.redis)).toEqual(["MIGRATE", "SWAPDB"]);
  const admin = new Client(scene.server.port);
  await admin.acl("SETUSER", "default", "-swapdb");
  expect(await findHidden(scene.redis)).toEqual(["MIGRATE"]);
  await admin.acl("SETUSER", "default", "-migrate");
  expect(await findHidden(scene.redis)).toEqual([]);
  await admin.acl("SETUSER", "default", "+@all");
  admin.disconnect();
});
