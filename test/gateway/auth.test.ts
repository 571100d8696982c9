import { createHash } from "node:crypto";
import { describe, expect, it, vi } from "vitest";
import { OptionError } from "../../src/core/errors.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { createGateway } from "../../src/gateway/index.ts";
import { createAuthenticator, areEqualBytes } from "../../src/gateway/tokens.ts";
import { openScene } from "./open-gateway.ts";
import { token } from "./token.ts";

const second = "second-token/with+signs==";
const reader = "reader-token-reader-token";
const scene = openScene({ tokens: [token, { token: second }, { token: reader, readOnly: true }] });

const unauthorised = { status: 401, text: '{"error":"WRONGPASS invalid or missing auth token"}' };

async function asked(path: string, authorization?: string, method = "GET", body?: string) {
  const headers = authorization === undefined ? {} : { authorization };
  const { status, text } = await scene.ask(path, { method, headers, body: body ?? null });
  return { status, text };
}

describe("a bearer token", () => {
  it.each([
    ["the first token", "/ping", `Bearer ${token}`],
    ["another token", "/ping", `Bearer ${second}`],
    ["any case of Bearer", "/ping", `bearer ${token}`],
    ["the query", `/ping?_token=${token}`, undefined],
    ["the query, percent-encoded", `/ping?_token=${encodeURIComponent(second)}`, undefined],
    ["the query, as it is", `/ping?_token=${second}`, undefined],
    ["a good header beside a bad query", "/ping?_token=nope", `Bearer ${token}`],
  ])("lets in by %s", async (_, path, authorization) => {
    expect(await asked(path, authorization)).toEqual({ status: 200, text: '{"result":"PONG"}' });
  });

  it.each([
    ["nothing", "/ping", undefined],
    ["an empty header", "/ping", ""],
    ["a scheme without a token", "/ping", "Bearer"],
    ["the word undefined, which a client without a token sends", "/ping", "Bearer undefined"],
    ["another scheme", "/ping", `Basic ${token}`],
    ["the token alone", "/ping", token],
    ["a prefix", "/ping", `Bearer ${token.slice(0, -1)}`],
    ["something longer", "/ping", `Bearer ${token}x`],
    ["another case", "/ping", `Bearer ${token.toUpperCase()}`],
    ["two tokens", "/ping", `Bearer ${token} ${token}`],
    ["an empty query", "/ping?_token=", undefined],
    ["a wrong query", "/ping?_token=nope", undefined],
    ["a query that only ends like one", `/ping?a?_token=${token}`, undefined],
    ["a query that is no percent-encoding", "/ping?_token=%ff", undefined],
    ["a bad header beside a good query", `/ping?_token=${token}`, "Bearer nope"],
  ])("keeps out %s", async (_, path, authorization) => {
    expect(await asked(path, authorization)).toEqual(unauthorised);
  });

  it.each(["/", "/pipeline", "/multi-exec", "/subscribe/x", "/nope"])(
    "is asked for before %s is looked at",
    async (path) => {
      expect(await asked(path, undefined, "POST", "{")).toEqual(unauthorised);
    },
  );

  it("in the query is no part of the command, wherever it stands", async () => {
    await asked(`/set/k/v?EX=100&_token=${token}&NX`);
    expect(await asked("/ttl/k", `Bearer ${token}`)).toEqual({ status: 200, text: '{"result":100}' });
  });
});

describe("a read-only token", () => {
  const may = (path: string, method?: string, body?: string) => asked(path, `Bearer ${reader}`, method, body);
  const refusal = (name: string) =>
    `NOPERM this user has no permissions to run the '${name}' command or its subcommand`;

  it.each(["/get/x", "/mget/x/y", "/hgetall/x", "/zrange/x/0/-1", "/ttl/x", "/ping", "/xrange/x/-/+", "/hscan/x/0"])(
    "may %s",
    async (path) => {
      expect((await may(path)).status).toBe(200);
    },
  );

  it.each(
    "set del incr expire flushall eval evalsha eval_ro evalsha_ro script fcall fcall_ro publish keys scan sort xreadgroup getdel getex info nope".split(
      " ",
    ),
  )("may not %s", async (name) => {
    const { status, text } = await may(`/${name}/x/1`);
    expect({ status, error: JSON.parse(text).error }).toEqual({ status: 400, error: refusal(name) });
  });

  it.each([
    ["memory/usage/x", 200],
    ["MEMORY/purge", 400],
    ["memory/doctor", 400],
    ["memory/stats", 400],
    ["memory/malloc-stats", 400],
    ["memory", 400],
  ])("may ask what a key weighs, and no more of MEMORY: %s", async (path, status) => {
    expect((await may(`/${path}`)).status).toBe(status);
  });

  it("is refused per command in a pipeline, and as a whole in a transaction", async () => {
    const body = '[["get","x"],["SET","x",1]]';
    expect(await may("/pipeline", "POST", body)).toEqual({
      status: 200,
      text: `[{"result":null},{"error":"${refusal("set")}"}]`,
    });
    expect(await may("/multi-exec", "POST", body)).toEqual({ status: 400, text: `{"error":"${refusal("set")}"}` });
  });
});

describe("what a comparison gives away", () => {
  /** Counts what is read of a digest. */
  function counted(bytes: readonly number[]) {
    const read: string[] = [];
    const watched = new Proxy([...bytes], {
      get(target, name, receiver) {
        if (/^\d+$/.test(String(name))) read.push(String(name));
        return Reflect.get(target, name, receiver);
      },
    });
    return { watched, read };
  }

  it.each([
    ["equal", []],
    ["different at the first byte", [0]],
    ["different at the last byte", [31]],
    ["different everywhere", Array.from({ length: 32 }, (_, i) => i)],
  ])("reads all 32 bytes of both digests when they are %s", (_, differences) => {
    const bytes = Array.from({ length: 32 }, (_, i) => i);
    const known = counted(bytes);
    const offered = counted(bytes.map((byte, i) => (differences.includes(i) ? byte ^ 255 : byte)));
    expect(areEqualBytes(known.watched, offered.watched)).toBe(differences.length === 0);
    expect(new Set(known.read).size).toBe(32);
    expect(new Set(offered.read).size).toBe(32);
  });

  it("tells digests of different lengths apart", () => {
    expect(areEqualBytes([1, 2], [1, 2, 0])).toBe(false);
    expect(areEqualBytes([1, 2, 0], [1, 2])).toBe(false);
  });

  const sha256 = (text: string) => new Uint8Array(createHash("sha256").update(text).digest());

  it.each([
    ["at once, as in Node", sha256],
    ["later, as in a Worker", async (text: string) => sha256(text)],
  ])("hashes what is offered, whatever it is, and the known tokens once in all, %s", async (_, digestOf) => {
    let digests = 0;
    const authenticate = createAuthenticator([token, { token: second, readOnly: true }], (text) => {
      digests += 1;
      return digestOf(text);
    });
    expect(await authenticate(`Bearer ${token}`, null)).toMatchObject({ readOnly: false });
    expect(digests).toBe(3);
    for (const offered of ["x", "y".repeat(10_000), token.slice(1)]) {
      expect(await authenticate(`Bearer ${offered}`, null)).toBeNull();
    }
    expect(await authenticate(null, second)).toMatchObject({ readOnly: true });
    expect(digests).toBe(7);
  });

  it("looks a token up that was right before, and keeps none that was wrong", async () => {
    const digestOf = vi.fn<typeof sha256>(sha256);
    const authenticate = createAuthenticator([token, { token: second, readOnly: true }], digestOf);
    for (let i = 0; i < 3; i += 1) {
      expect(await authenticate(`Bearer ${token}`, null)).toMatchObject({ readOnly: false });
      expect(await authenticate(null, second)).toMatchObject({ readOnly: true });
      expect(await authenticate("Bearer nope", null)).toBeNull();
    }
    expect(digestOf.mock.calls.filter(([text]) => text === "nope")).toHaveLength(3);
    // Once as a known token, and once as what was offered first.
    for (const right of [token, second]) {
      expect(digestOf.mock.calls.filter(([text]) => text === right)).toHaveLength(2);
    }
  });

  it("asks no pool of threads in Node", async () => {
    const pooled = vi.spyOn(crypto.subtle, "digest");
    expect(await createAuthenticator([token])(`Bearer ${token}`, null)).not.toBeNull();
    expect(pooled).not.toHaveBeenCalled();
    pooled.mockRestore();
  });
});

describe("options that can never work", () => {
  const untouched: Redis = {
    send: () => Promise.reject(new Error("sent")),
    pipeline: () => Promise.reject(new Error("sent")),
  };

  it.each([
    ["no token", [] as string[]],
    ["an empty token", [""]],
    ["a token with a space", ["a b"]],
    ["a token that no header carries", ["ü"]],
    ["a token with a line break", ["a\nb"]],
  ])("%s", (_, tokens) => {
    expect(() => createGateway(untouched, { tokens })).toThrow(OptionError);
    expect(() => createGateway(untouched, { tokens })).toThrow("`tokens`");
  });

  it.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])("a limit of %s", (limit) => {
    expect(() => createGateway(untouched, { tokens: ["t"], maxBody: limit })).toThrow("`maxBody`");
    expect(() => createGateway(untouched, { tokens: ["t"], maxCommands: limit })).toThrow("`maxCommands`");
  });

  it("a client instead of a port", () => {
    expect(() => createGateway({} as Redis, { tokens: ["t"] })).toThrow("`redis`");
  });
});
