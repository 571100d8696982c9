import fc from "fast-check";
import { beforeAll, expect, it } from "vitest";
import { createFeeds, type FeedOptions } from "../../src/core/patterns/feed/index.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { texts } from "../../src/core/port/reply.ts";
import { minutes } from "../../src/core/time/duration.ts";
import { type Gapped, gapFaultsOf, histories } from "../fixtures/feed-gaps.ts";
import { faultsOf, type Pager, walks } from "../fixtures/feed-pager.ts";
import { onEveryBackend } from "../support/backends.ts";
import { sized } from "../support/long.ts";

const seed = 20_261_127;
const length = 9;

onEveryBackend("pages of a feed", (backend) => {
  let redis: Redis;
  let number = 0;
  beforeAll(async () => {
    redis = await backend.connect();
  });
  const open = (options: Partial<FeedOptions> = {}) =>
    createFeeds<number>(redis, { ttl: minutes(10), prefix: `${backend.prefix}:${(number += 1)}`, ...options });

  const ours = (): Pager<string> => {
    const feeds = open({ keep: { length } });
    const ids = new Map<number, string>();
    return {
      push: async (n) => ids.set(n, (await feeds.push("ada", n)).id),
      remove: (n) => feeds.remove("ada", ids.get(n) ?? ""),
      async page(cursor, limit) {
        const page = await feeds.page("ada", { limit, cursor });
        return { numbers: page.items.map(({ data }) => data), next: page.cursor };
      },
    };
  };

  /** The usual recipe: LPUSH, LTRIM, and LRANGE from an offset. */
  const byOffset = (): Pager<number> => {
    const list = `feed:${backend.prefix}:rival:{${(number += 1)}}`;
    return {
      push: (n) =>
        redis.pipeline([
          ["LPUSH", list, n],
          ["LTRIM", list, 0, length - 1],
          ["PEXPIRE", list, 60_000],
        ]),
      remove: (n) => redis.send(["LREM", list, 0, n]),
      async page(offset = 0, limit) {
        const found = texts(await redis.send(["LRANGE", list, offset, offset + limit - 1])).map(Number);
        return { numbers: found, next: found.length < limit ? null : offset + limit };
      },
    };
  };

  /** Ours with an end that belongs to the page, as XREVRANGE has it without `(`. */
  const withItsEnd = (): Pager<string> => {
    const pager = ours();
    const ends = new Map<string, number>();
    return {
      ...pager,
      async page(cursor, limit) {
        const { numbers, next } = await pager.page(cursor, limit);
        const before = cursor === undefined ? undefined : ends.get(cursor);
        if (next !== null) ends.set(next, numbers.at(-1) ?? 0);
        return { numbers: before === undefined ? numbers : [before, ...numbers], next };
      },
    };
  };

  it("neither repeat nor skip an item, whatever is pushed, trimmed and removed meanwhile", async () => {
    const property = fc.asyncProperty(walks, async (steps) => {
      expect(await faultsOf(ours(), length, steps)).toEqual([]);
    });
    await fc.assert(property, { numRuns: sized(200, 3), seed });
  });

  backend.it(
    "would be found if they did: by an offset, as LRANGE 20 39 has it, or with the cursor's own item",
    async () => {
      for (const create of [byOffset, withItsEnd]) {
        const faults = [];
        for (const steps of fc.sample(walks, { numRuns: 10, seed })) {
          // oxlint-disable-next-line typescript/no-explicit-any -- the two have cursors of different types
          faults.push(...(await faultsOf(create() as Pager<any>, length, steps)));
          if (faults.length > 0) break;
        }
        expect(faults, create.name).not.toEqual([]);
      }
    },
  );

  backend.it(
    "stay in their places while five items are pushed between two of them (offset paging repeats items)",
    async () => {
      const feeds = open();
      const list = `feed:${backend.prefix}:offset:{ada}`;
      const pushBoth = async (n: number) => {
        await feeds.push("ada", n);
        await redis.send(["LPUSH", list, n]);
      };
      for (let n = 1; n <= 40; n += 1) await pushBoth(n);
      await redis.send(["PEXPIRE", list, 60_000]);
      const first = await feeds.page("ada", { limit: 20 });
      const rival = texts(await redis.send(["LRANGE", list, 0, 19]));
      for (let n = 41; n <= 45; n += 1) await pushBoth(n);
      const second = await feeds.page("ada", { limit: 20, cursor: first.cursor ?? "" });
      const numbers = [...first.items, ...second.items].map(({ data }) => data);
      expect(numbers).toEqual(Array.from({ length: 40 }, (_, i) => 40 - i));
      rival.push(...texts(await redis.send(["LRANGE", list, 20, 39])));
      expect(new Set(rival).size).toBe(35);
    },
  );

  backend.it("show each of 60 items once while 60 others are pushed at the same time", async () => {
    const feeds = open();
    for (let n = 0; n < 60; n += 1) await feeds.push("ada", n);
    const pushing = Promise.all(Array.from({ length: 60 }, (_, i) => feeds.push("ada", 100 + i)));
    const seen: number[] = [];
    let cursor: string | null | undefined;
    while (cursor !== null) {
      const page = await feeds.page("ada", { limit: 7, cursor });
      seen.push(...page.items.map(({ data }) => data));
      ({ cursor } = page);
    }
    await pushing;
    expect(seen.filter((n) => n < 100)).toEqual(Array.from({ length: 60 }, (_, i) => 59 - i));
    expect(new Set(seen).size).toBe(seen.length);
  });

  backend.it("of what is new give a reader each of 100 concurrent items once, in one order for all", async () => {
    const feeds = open();
    const follow = async () => {
      const seen: number[] = [];
      let lastId: string | null = null;
      while (seen.length < 100) {
        const news = await feeds.since("ada", lastId, { limit: 9 });
        seen.push(...news.items.map(({ data }) => data));
        ({ lastId } = news);
      }
      return seen;
    };
    const pushing = Promise.all(Array.from({ length: 100 }, (_, n) => feeds.push("ada", n)));
    const [one, other] = await Promise.all([follow(), follow(), pushing]);
    expect(one.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, n) => n));
    expect(other).toEqual(one);
  });

  const gapped = (): Gapped => {
    const prefix = `${backend.prefix}:${(number += 1)}`;
    const feedsOf = (length: number) => createFeeds<number>(redis, { prefix, ttl: 60_000, keep: { length } });
    const ids = ["0-0"];
    return {
      push: async (n, length) => (ids[n] = (await feedsOf(length).push("ada", n)).id),
      remove: (n) => feedsOf(1).remove("ada", ids[n] ?? ""),
      async since(n) {
        let isTold = false;
        const news = await feedsOf(1).since("ada", ids[n] ?? "", { limit: 100, onTrimmed: () => (isTold = true) });
        return { numbers: news.items.map(({ data }) => data), isTold };
      },
    };
  };

  /** Takes what is older than the oldest item for trimmed, as who knows no more than the stream. */
  const byOldest = (): Gapped => {
    const feed = gapped();
    const oldest = async () => (await feed.since(0)).numbers[0] ?? 0;
    return { ...feed, since: async (n) => ({ ...(await feed.since(n)), isTold: n + 1 < (await oldest()) }) };
  };

  it("tell of a gap where an item was trimmed unseen, and nowhere else, whatever was removed and however long it was", async () => {
    const property = fc.asyncProperty(histories, async (history) => {
      expect(await gapFaultsOf(gapped(), history)).toEqual([]);
    });
    await fc.assert(property, { numRuns: sized(200, 3), seed });
  });

  backend.it("would be found if they took what was removed for trimmed", async () => {
    const faults = [];
    for (const history of fc.sample(histories, { numRuns: 10, seed })) {
      faults.push(...(await gapFaultsOf(byOldest(), history)));
      if (faults.length > 0) break;
    }
    expect(faults).not.toEqual([]);
  });

  it("begin with the newest items where the cursor is `null`, as those of the other structures do", async () => {
    const feeds = open();
    for (const n of [1, 2, 3]) await feeds.push("ada", n);
    const first = await feeds.page("ada", { limit: 2 });
    expect(await feeds.page("ada", { limit: 2, cursor: null })).toEqual(first);
    const last = await feeds.page("ada", { limit: 2, cursor: first.cursor });
    expect(last).toMatchObject({ items: [{ data: 1 }], cursor: null });
    let told = 0;
    const one = createFeeds<number>(redis, {
      ttl: minutes(10),
      prefix: `${backend.prefix}:${number}`,
      keep: { length: 1 },
    });
    await one.push("ada", 4);
    await one.page("ada", { cursor: null, onTrimmed: () => (told += 1) });
    expect(told).toBe(0);
  });
});
