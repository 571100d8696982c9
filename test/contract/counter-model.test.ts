import fc from "fast-check";
import { beforeAll, expect, it } from "vitest";
import { ReplyError } from "../../src/core/errors.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { differences, type Step, steps } from "../fixtures/counter-model.ts";
import { onEveryBackend } from "../support/backends.ts";
import { sized } from "../support/long.ts";

const call = (kind: Step["kind"], n = 1, more: Partial<Step> = {}): Step => ({ kind, id: "a", n, ago: 0, ...more });
const named = { requestId: "r" };
const minute = 60_000;

/** Ways to break the scripts, each with the calls that show it. */
const broken: readonly (readonly [name: string, part: string, other: string, steps: readonly Step[]])[] = [
  [
    "a request that is not remembered",
    `redis.call("SET", request, answer, "PX", remember)`,
    "",
    [call("increment", 1, named), call("increment", 1, named)],
  ],
  ["a sum that is not stored", `redis.call("SET", counter, written, "PX", ttl)`, "", [call("increment"), call("get")]],
  ["a floor that stops nothing", "sum < tonumber(min)", "false", [call("within", -9)]],
  ["a ceiling that stops nothing", "sum > tonumber(max)", "false", [call("within", 9)]],
  ["a floor that stops who comes nearer", "sum < value and", "", [call("set", -9), call("within", 1)]],
  ["a take that resets nothing", `redis.call("DEL", counter)`, "", [call("set"), call("take"), call("take")]],
  ["a deletion of nothing", `redis.call("DEL", counter)`, "0", [call("set"), call("delete")]],
  ["a bucket too late", "field = place % 128", "field = (place + 1) % 128", [call("count"), call("range")]],
  ["an instant that is not asked for", "tonumber(at) or now", "now", [call("count")]],
  [
    "an overflow that stays",
    `redis.call("HINCRBY", page, field, string.format("%.0f", -by))`,
    "",
    [call("count", Number.MAX_SAFE_INTEGER), call("count"), call("count", -1)],
  ],
  [
    "a range without its last page",
    "for i = from, to do",
    "for i = from, to - 1 do",
    // The range begins at place 100 of a page and ends at place 121 of the next one.
    [call("count", 1, { ago: 20 * minute }), call("range", 0, { ago: 155 * minute })],
  ],
];

onEveryBackend("counters and series against their model", (backend) => {
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
    const examples = backend.share(broken).map(([, , , steps]): [Step[]] => [[...steps]]);
    await fc.assert(property, { numRuns: examples.length + sized(285, 3), endOnFailure: true, examples });
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
        return redis.send(["EVAL", String(lua).replaceAll(part, () => other), ...rest], options);
      },
    };
    const found = await differ(steps, port);
    expect(changed).toBeGreaterThan(0);
    expect(found).not.toEqual([]);
  });
});
