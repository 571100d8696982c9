import { parse, stringify } from "devalue";
import { beforeAll, describe, expect, it } from "vitest";
import { OptionError } from "../../src/core/errors.ts";
import {
  createSessionCookies,
  createSessions,
  extendSession,
  loginSession,
  type Session,
  type Codec,
  type SessionOptions,
  type Sessions,
  takeField,
  updateSession,
} from "../../src/core/patterns/session/index.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { text, texts } from "../../src/core/port/reply.ts";
import { browser } from "../fixtures/session-jar.ts";
import { onEveryBackend } from "../support/backends.ts";

interface Shop {
  cart?: unknown;
  theme?: unknown;
}

const codecs: Readonly<Record<string, Codec | undefined>> = {
  JSON: undefined,
  devalue: { name: "devalue", encode: stringify, decode: parse },
  hex: {
    name: "hex",
    encode: (value) =>
      Array.from(JSON.stringify(value), (unit) => unit.charCodeAt(0).toString(16).padStart(4, "0")).join(""),
    decode: (encoded) =>
      JSON.parse(encoded.replaceAll(/.{4}/g, (unit) => String.fromCharCode(Number.parseInt(unit, 16)))),
  },
};
const names = Object.keys(codecs);
const pairs = names.flatMap((from) => names.filter((to) => to !== from).map((to) => [from, to] as const));

onEveryBackend("the codec of a session", (backend) => {
  let redis: Redis;
  let number = 0;
  beforeAll(async () => {
    redis = await backend.connect();
  });
  const open = (codec: Codec | undefined, options: Partial<SessionOptions> = {}) =>
    createSessions<Shop>(redis, {
      idle: 60_000,
      absolute: 90_000,
      prefix: `${backend.prefix}:${number}`,
      codec,
      ...options,
    });
  const stored = async () => {
    const keys = (await backend.keys()).filter((key) => key.startsWith(`session:${backend.prefix}:${number}:`));
    const records = keys.filter((key) => !key.includes(":l1:"));
    return Object.fromEntries(
      await Promise.all(records.map(async (key) => [key, byName(texts(await redis.send(["HGETALL", key])))] as const)),
    );
  };

  type Work = (theirs: Sessions<Shop>, session: Session<Shop>) => Promise<unknown>;
  const works: Readonly<Record<string, Work>> = {
    read: (theirs, { token }) => theirs.read(token),
    "a visit": (theirs, { token }) => {
      const visitor = browser();
      visitor.kept.set("__Host-session", token);
      return createSessionCookies(theirs).open(visitor.jar());
    },
    extend: (theirs, { token }) => extendSession(theirs, token, 90_000),
    login: (theirs, session) => loginSession(theirs, session, "bob"),
  };

  describe.each(backend.share(pairs))("%s is refused to a store of %s", (from, to) => {
    it.each(Object.entries(works))("in %s, before anything is changed", async (_, work) => {
      number += 1;
      const [ours, theirs] = [open(codecs[from], { touchEvery: 0 }), open(codecs[to], { touchEvery: 0 })];
      for (const user of [undefined, "ada"]) {
        const session = await ours.create({ ...(user && { user }), data: { cart: ["book"], theme: { dark: true } } });
        const before = await stored();
        await expect(work(theirs, session)).rejects.toMatchObject({ name: "SessionDataError", code: "SESSION_DATA" });
        expect(await stored()).toEqual(before);
        expect((await ours.read(session.token))?.data).toEqual({ cart: ["book"], theme: { dark: true } });
      }
    });

    it("and a logout ends it all the same", async () => {
      number += 1;
      const session = await open(codecs[from]).create({ user: "ada", data: { cart: ["book"] } });
      await open(codecs[to]).revokeAll("ada");
      expect(await open(codecs[from]).read(session.token)).toBeNull();
    });
  });

  it.each(names)("%s outlives rotation, login, extension and a refused login", async (name) => {
    number += 1;
    const sessions = open(codecs[name], { maxPerUser: 1, atLimit: "refuse" });
    const visitor = await sessions.create({ data: { cart: ["book"] } });
    await visitor.rotate();
    await extendSession(sessions, visitor.token, 60_000);
    await sessions.create({ user: "full", data: {} });
    await expect(loginSession(sessions, visitor, "full")).rejects.toMatchObject({ code: "SESSION_LIMIT" });
    const ada = await loginSession(sessions, visitor, "ada", { data: { theme: "dark" } });
    const again = await loginSession(sessions, ada, "ada", { data: { theme: "light" } });
    expect((await sessions.read(again.token))?.data).toEqual({ cart: ["book"], theme: "light" });
  });

  const operations: Readonly<Record<string, (sessions: Sessions<Shop>, session: Session<Shop>) => Promise<unknown>>> = {
    data: async (_, session) => session.data,
    set: (_, session) => session.set({ theme: "light" }),
    update: (_, session) => updateSession(session, () => ({ theme: "light" })),
    take: (_, session) => takeField(session, "cart"),
  };

  it.each(Object.entries(operations))(
    "that throws while it decodes fails %s before anything is changed",
    async (_, run) => {
      number += 1;
      const broken: Codec = { name: "x", encode: JSON.stringify, decode: JSON.parse };
      const { token } = await open(broken).create({ data: { cart: ["secret"], theme: "dark" } });
      const failing = {
        ...broken,
        decode: () => {
          throw new Error("secret");
        },
      };
      const sessions = open(failing);
      const session = await sessions.read(token);
      const before = await stored();
      const error: unknown = await run(sessions, session ?? never()).catch((error: unknown) => error);
      expect(error).toMatchObject({ code: "SESSION_DATA" });
      // Nor does its cause show what the session holds.
      expect(`${String(error)} ${String(Object(error).cause)}`).not.toContain("secret");
      expect(await stored()).toEqual(before);
    },
  );

  it("that cannot decode is not needed to log in: the cart goes along as it is", async () => {
    number += 1;
    const codec: Codec = { name: "x", encode: JSON.stringify, decode: JSON.parse };
    const { token } = await open(codec).create({ data: { cart: ["book"] } });
    const sessions = open({
      ...codec,
      decode: () => {
        throw new Error("no");
      },
    });
    const session = await loginSession(sessions, await sessions.read(token), "ada");
    expect((await open(codec).read(session.token))?.data).toEqual({ cart: ["book"] });
  });

  it.each<[string, unknown, string]>([
    ["a date", { cart: [{ addedAt: new Date(0) }] }, "`data.cart[0].addedAt` is of type Date"],
    ["a map", { cart: new Map() }, "`data.cart` is of type Map"],
    ["a BigInt", { cart: { n: 1n } }, "`data.cart.n` is of type bigint"],
    ["a function", { cart: () => 1 }, "`data.cart` is of type function"],
    ["an instance", { cart: new URL("https://example.org") }, "`data.cart` is of type URL"],
    ["NaN", { theme: [0, Number.NaN] }, "`data.theme[1]` is NaN"],
    ["undefined in a list", { theme: [undefined] }, "`data.theme[0]` is undefined"],
  ])("JSON names the place of %s, and nothing is sent", async (_, given, place) => {
    number += 1;
    const sessions = open(undefined);
    const session = await sessions.create({ user: "ada", data: {} });
    const patch: object = Object(given);
    const tries = [
      () => sessions.create({ data: patch }),
      () => session.set(patch),
      () => updateSession(session, () => patch),
      () => loginSession(sessions, session, "ada", { data: patch }),
      () => loginSession(sessions, session, "bob", { data: patch }),
      () => loginSession(sessions, null, "bob", { data: patch }),
    ];
    const counts = await backend.count(async () => {
      for (const run of tries) {
        const error: unknown = await run().catch((error: unknown) => error);
        expect(error).toBeInstanceOf(OptionError);
        expect(String(error)).toContain(`${place}, which JSON does not give back`);
      }
    });
    expect(counts).toEqual({});
  });

  it.each<[string, Partial<Codec>]>([
    [
      "throws",
      {
        encode: () => {
          throw new TypeError("cyclic");
        },
      },
    ],
    ["gives no text", { encode: () => JSON.parse("7") }],
    [
      "cannot read what it wrote",
      {
        decode: () => {
          throw new TypeError("no");
        },
      },
    ],
  ])("that %s has written nothing", async (_, part) => {
    number += 1;
    const codec: Codec = { name: "x", encode: JSON.stringify, decode: JSON.parse, ...part };
    const { token } = await open({ ...codec, encode: JSON.stringify, decode: JSON.parse }).create({
      user: "ada",
      data: {},
    });
    const sessions = open(codec);
    const session = (await sessions.read(token)) ?? never();
    const before = await stored();
    const patch = { cart: ["book"] };
    for (const run of [
      () => sessions.create({ data: patch }),
      () => session.set(patch),
      () => updateSession(session, () => patch),
      () => loginSession(sessions, session, "ada", { data: patch }),
      () => loginSession(sessions, session, "bob", { data: patch }),
    ]) {
      await expect(run()).rejects.toMatchObject({ code: expect.stringMatching(/^(OPTION|SESSION_DATA)$/) });
    }
    expect(await stored()).toEqual(before);
  });

  it("needs a name", () => {
    const codec = { encode: JSON.stringify, decode: JSON.parse };
    for (const name of [undefined, null, "", "a b", 7, "x".repeat(65)]) {
      expect(() => open(JSON.parse("{}"), { codec: Object({ ...codec, name }) })).toThrow(/codec\.name/);
    }
    for (const codec of [null, {}, 7]) expect(() => open(undefined, { codec: Object(codec) })).toThrow(OptionError);
  });

  it("adds nothing to the record of JSON", async () => {
    number += 1;
    const { id } = await open(undefined).create({ data: { cart: 1 } });
    const [key = ""] = Object.keys(await stored()).filter((key) => key.endsWith(id.slice(-16)));
    expect(texts(await redis.send(["HKEYS", key])).sort()).toEqual([":cart", "m", "t", "w"]);
    expect(text(await redis.send(["HGET", key, "w"]))).toBe("1 5 ");
  });
});

function never(): never {
  throw new Error("there is a session");
}

/** The order of a hash's fields means nothing. */
function byName(list: readonly string[]): string[] {
  return list.flatMap((name, i) => (i % 2 === 0 ? [`${name} = ${list[i + 1]}`] : [])).sort();
}
