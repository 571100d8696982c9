import { createBloomFilter } from "../src/core/patterns/bloom/index.ts";
import { createCounters, createSeries } from "../src/core/patterns/counter/index.ts";
import { createFeeds, createRecent } from "../src/core/patterns/feed/index.ts";
import { createLeaderboard } from "../src/core/patterns/leaderboard/index.ts";
import { createRecords } from "../src/core/patterns/record/index.ts";
import { createUniques, hybrid } from "../src/core/patterns/uniques/index.ts";
import type { Redis } from "../src/core/port/redis.ts";
import { hours, minutes } from "../src/core/time/duration.ts";

/** What one route does with Redis, for one player of one run of the demo. */
type Use = (redis: Redis, prefix: string, player: string, requestId: string) => Promise<unknown>;

const ttl = minutes(5);
const board = "chess";

/** The structures of the guides' cheat sheet: each route uses one, and is the same code in all three runtimes. */
export const structures: Readonly<Record<string, Use>> = {
  score: (redis, prefix, player, requestId) =>
    createLeaderboard(redis, { prefix, ttl, ties: "competition" }).increment(board, player, 10, { requestId }),
  ranking: (redis, prefix) => createLeaderboard(redis, { prefix, ttl, ties: "competition" }).top(board, { limit: 3 }),
  visit: (redis, prefix, player) => visitors(redis, prefix).add(board, player),
  visitors: (redis, prefix) => visitors(redis, prefix).count(board),
  view: (redis, prefix, _, requestId) => createCounters(redis, { prefix, ttl }).increment(board, 1, { requestId }),
  hit: (redis, prefix) => series(redis, prefix).increment(board),
  chart: (redis, prefix) => series(redis, prefix).range(board, { last: minutes(3) }),
  post: (redis, prefix, player) => createFeeds<string>(redis, { prefix, ttl }).push(board, `${player} has won`),
  page: (redis, prefix, _, cursor) =>
    createFeeds<string>(redis, { prefix, ttl }).page(board, cursor === "" ? { limit: 2 } : { limit: 2, cursor }),
  look: (redis, prefix, player) => recent(redis, prefix).push(board, player, { unique: true }),
  looked: (redis, prefix) => recent(redis, prefix).list(board),
  join: (redis, prefix, player) =>
    createRecords<Profile>(redis, { prefix, ttl }).set(player, { name: player, games: 0 }),
  play: (redis, prefix, player, requestId) =>
    createRecords<Profile>(redis, { prefix, ttl }).increment(player, "games", 1, { requestId }),
  profile: (redis, prefix, player) => createRecords<Profile>(redis, { prefix, ttl }).get(player),
  mark: (redis, prefix, player) => bloom(redis, prefix).add(board, player),
  marked: (redis, prefix, player) => bloom(redis, prefix).mightContain(board, player),
};

interface Profile {
  readonly name: string;
  readonly games: number;
}

function visitors(redis: Redis, prefix: string) {
  return createUniques(redis, { prefix, ttl, count: hybrid() });
}

function series(redis: Redis, prefix: string) {
  return createSeries(redis, { prefix, bucket: minutes(1), keep: { age: hours(1) } });
}

function recent(redis: Redis, prefix: string) {
  return createRecent<string>(redis, { prefix, length: 3, ttl });
}

function bloom(redis: Redis, prefix: string) {
  return createBloomFilter(redis, { prefix, capacity: 1_000, ttl });
}
