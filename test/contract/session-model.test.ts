import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ReplyError } from "../../src/core/errors.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { expectNoStaleIndex } from "../fixtures/session-index.ts";
import { differences, type Step, steps } from "../fixtures/session-model.ts";
import { onEveryBackend } from "../support/backends.ts";
import { sized } from "../support/long.ts";

const call = (kind: Step["kind"], which = 0, user: Step["user"] = "ada"): Step => ({ kind, which, user, field: "a" });

/** Ways to break the scripts, each with the calls that show it. */
const broken: [name: string, part: string, other: string, steps: Step[]][] = [
  ["a logout that ends nothing", `redis.call("DEL", session)`, "", [call("create"), call("destroy"), call("read")]],
  [
    "a write that asks for no epoch",
    `if not alive then return 0 end\nreturn write()`,
    "return write()",
    [call("create"), call("revokeAll"), call("set")],
  ],
  [
    "a read that asks for no epoch",
    `alive = owner[1] == epoch and`,
    "alive =",
    [call("create"), call("revokeAll"), call("read")],
  ],
  [
    "a limit that ends nobody",
    `and tonumber(number) > tonumber(owner[2] or 0)`,
    "",
    [call("create"), call("create"), call("create"), call("create"), call("read")],
  ],
  [
    "a login that leaves the old token",
    `redis.call("HDEL", session, "p")`,
    `redis.call("HSET", session, "p", digest .. " 9999999999999")`,
    [call("create"), call("login"), call("read")],
  ],
  [
    "a login that leaves the old session",
    `redis.call("HDEL", session, "m")`,
    "",
    [call("create", 0, "nobody"), call("login"), call("read")],
  ],
  [
    "a rotation that forgets the old token",
    `"p", digest .. " "`,
    `"p", "x "`,
    [call("create"), call("rotate"), call("read")],
  ],
  [
    "a removal that removes nothing",
    `redis.call("HDEL", session, fields[i])`,
    "",
    [call("create"), call("remove"), call("read")],
  ],
  ["a flash value that stays", `redis.call("HDEL", session, name)`, "", [call("create"), call("take"), call("take")]],
  [
    "a revocation that spares nobody",
    `if not alive then return 0 end\nredis.call("HSET"`,
    `if true then return 0 end\nredis.call("HSET"`,
    [call("create"), call("revokeOthers"), call("read")],
  ],
  [
    "an end that stays in the index",
    `redis.call("ZREM", index, number .. ":" .. string.sub(session, -16))`,
    "",
    [call("create"), call("create"), call("create"), call("destroy", 1), call("create"), call("read")],
  ],
];

onEveryBackend("sessions against their model", (backend) => {
  afterAll(() => expectNoStaleIndex(backend));
  let redis: Redis;
  let number = 0;
  beforeAll(async () => {
    redis = await backend.connect();
  });
  const differ = (steps: readonly Step[], port: Redis) =>
    differences(steps, port, `${backend.prefix}:m${(number += 1)}`);

  it("do what the model does, whatever is called in whatever order", async () => {
    const property = fc.asyncProperty(steps, async (steps) => {
      expect(await differ(steps, redis)).toEqual([]);
    });
    const examples = backend.share(broken).map(([, , , steps]): [Step[]] => [steps]);
    await fc.assert(property, { numRuns: examples.length + sized(20, 3), endOnFailure: true, examples });
  });

  it.each(backend.share(broken))("would be caught: %s", async (_, part, other, steps) => {
    let changed = 0;
    const port: Redis = {
      ...redis,
      async send(command, options) {
        const [name, lua, ...rest] = command;
        if (name === "EVALSHA") throw new ReplyError("NOSCRIPT this port wants the text");
        if (name !== "EVAL" || !String(lua).includes(part)) return redis.send(command, options);
        changed += 1;
        return redis.send(["EVAL", String(lua).replaceAll(part, other), ...rest], options);
      },
    };
    expect(await differ(steps, port)).not.toEqual([]);
    expect(changed).toBeGreaterThan(0);
  });
});
