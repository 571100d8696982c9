import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { memory, type Memory } from "../../src/adapters/memory/index.ts";
import { createPresence, type Presence } from "../../src/core/patterns/presence/index.ts";
import { differences, type Step, steps, type Subject, ttl } from "../fixtures/presence-model.ts";
import { loggedIn } from "../fixtures/presence-tools.ts";
import { days } from "../../src/core/time/duration.ts";
import { sized } from "../support/long.ts";

const seed = 20_261_127;

/** Opens one anew on a server that has nothing. */
function open(redis: Memory): Subject {
  redis.flush();
  return {
    online: createPresence<number>(redis, { prefix: "p", ttl, keep: { age: days(30) } }),
    advance: redis.advance,
    loggedIn: (room) => loggedIn(redis, "p", room),
  };
}

describe("presence, under a clock that a test turns,", () => {
  it(
    "lists, counts and tells what the plain rules say",
    async () => {
      const property = fc.asyncProperty(steps, async (steps) => {
        const redis = memory();
        expect(await differences(open(redis), steps)).toEqual([]);
        await redis.close();
      });
      await fc.assert(property, { numRuns: sized(500, 40), seed, endOnFailure: true });
    },
    sized(600_000, 60_000),
  );

  const broken: readonly (readonly [string, (subject: Subject) => Partial<Subject>])[] = [
    ["whose clock stands still", () => ({ advance: () => {} })],
    [
      "that counts tabs as members",
      ({ online }) =>
        change(online, ({ join }) => ({ join: (room, member, call) => join(room, `${member}${Math.random()}`, call) })),
    ],
    [
      "that forgets data",
      ({ online }) => change(online, ({ join }) => ({ join: (room, member) => join(room, member) })),
    ],
    [
      "whose pages leave one out",
      ({ online }) =>
        change(online, ({ list }) => ({
          list: async (room, call) => {
            const page = await list(room, call);
            return { ...page, members: page.members.slice(0, 1) };
          },
        })),
    ],
    [
      "whose members stay when they leave",
      ({ online }) =>
        change(online, ({ join }) => ({
          join: async (room, member, call) => ({ ...(await join(room, member, call)), leave: async () => true }),
        })),
    ],
    [
      "that goes and comes at each extension",
      ({ online }) =>
        change(online, ({ join }) => ({
          join: async (room, member, call) => {
            let visit = await join(room, member, call);
            const { id } = visit;
            const extend = async () => {
              await visit.leave();
              visit = await join(room, member, call);
              return { rejoined: false };
            };
            return { ...visit, id, extend, leave: () => visit.leave() };
          },
        })),
    ],
    [
      "that tells a transition twice",
      ({ loggedIn }) => ({ loggedIn: async (room) => (await loggedIn(room)).flatMap((told) => [told, told]) }),
    ],
    [
      "that tells the time of the look",
      ({ loggedIn }) => ({
        loggedIn: async (room) => (await loggedIn(room)).map((told) => ({ ...told, at: Number(told["at"]) + ttl / 4 })),
      }),
    ],
  ];

  it.each(broken)("would find one %s", async (_, breakIt) => {
    const redis = memory();
    const samples: Step[][] = fc.sample(steps, { numRuns: 20, seed });
    let found = 0;
    for (const sample of samples) {
      const subject = open(redis);
      found += (await differences({ ...subject, ...breakIt(subject) }, sample)).length;
      if (found > 0) break;
    }
    expect(found).toBeGreaterThan(0);
  });
});

function change(
  online: Presence<number>,
  other: (online: Presence<number>) => Partial<Presence<number>>,
): Partial<Subject> {
  return { online: { ...online, ...other(online) } };
}
