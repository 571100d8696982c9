import type { Redis as Client } from "ioredis";
import { createLeaderboard } from "../../src/core/patterns/leaderboard/index.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { rival } from "../harness/contender.ts";
import { type Call, type Measure, on } from "./measure.ts";

/** The calls of a leaderboard, beside redis-rank's, on boards with the same members and scores. */
export function boards(size: number): readonly Measure[] {
  // Neighbours in time are none on the board.
  const member = (i: number) => `member ${(i * 7_919) % size}`;
  const at = (i: number) => (i * 104_729) % (size - 20);
  const score = (i: number) => (i * 7_907) % 1_000_000;
  const board = (redis: Redis) => createLeaderboard(redis, { prefix: "bench" });
  const setup = async (redis: Redis, client: Client) => {
    const known: string[] = [];
    const send: Redis["send"] = (command, options) => {
      known.push(...command.map(String));
      return redis.send(command, options);
    };
    await board({ ...redis, send }).set("board", "member 0", 0);
    const key = await boardAmong(client, known);
    for (const name of [key, rivalKey]) {
      for (let from = 0; from < size; from += 1_000) {
        await client.zadd(name, ...Array.from({ length: 2_000 }, (_, i) => pair(from * 2 + i)));
      }
    }
  };
  const pair = (n: number) => (n % 2 === 0 ? score(n / 2) : `member ${(n - 1) / 2}`);
  const ranks = (policy: string, make: (board: RivalBoard) => Call) => async (client: Client) => {
    const { Leaderboard } = await rival("redis-rank");
    return make(new Leaderboard(client, rivalKey, { sortPolicy: "high-to-low", updatePolicy: policy }));
  };
  const title = (what: string) => `Leaderboard of ${size.toLocaleString("en")} members: ${what}`;
  return [
    {
      title: title("set a score"),
      setup,
      ours: on(board, (made, i) => made.set("board", member(i), score(i + 1))),
      command: (i) => ["ZADD", rivalKey, score(i + 1), member(i)],
      rival: ranks("replace", (one) => (i) => one.updateOne(member(i), score(i + 1))),
    },
    {
      title: title("keep the best score"),
      ours: on(board, (made, i) => made.set("board", member(i), score(i + 2), { only: "higher" })),
      command: (i) => ["ZADD", rivalKey, "GT", score(i + 2), member(i)],
      rival: ranks("best", (one) => (i) => one.updateOne(member(i), score(i + 2))),
    },
    {
      title: title("add to a score"),
      ours: on(board, (made, i) => made.increment("board", member(i), 1)),
      command: (i) => ["ZINCRBY", rivalKey, 1, member(i)],
      rival: ranks("aggregate", (one) => (i) => one.updateOne(member(i), 1)),
    },
    {
      title: title("rank of a member"),
      ours: on(board, (made, i) => made.get("board", member(i))),
      command: (i) => ["ZREVRANK", rivalKey, member(i)],
      rival: ranks("replace", (one) => (i) => one.find(member(i))),
    },
    {
      title: title("top 10"),
      ours: on(board, (made) => made.top("board", { limit: 10 })),
      command: () => ["ZREVRANGE", rivalKey, 0, 9, "WITHSCORES"],
      rival: ranks("replace", (one) => () => one.top(10)),
    },
    {
      title: title("11 around a member"),
      ours: on(board, (made, i) => made.around("board", member(i), { limit: 11 })),
      command: (i) => ["ZREVRANGE", rivalKey, at(i), at(i) + 10, "WITHSCORES"],
      rival: ranks("replace", (one) => (i) => one.around(member(i), 5)),
    },
  ];
}

interface RivalBoard {
  updateOne(id: string, value: number): Promise<unknown>;
  find(id: string): Promise<unknown>;
  top(count: number): Promise<unknown>;
  around(id: string, distance: number): Promise<unknown>;
}

const rivalKey = "rank";

/** Finds the sorted set among what our call has sent. */
async function boardAmong(client: Client, sent: readonly string[]): Promise<string> {
  for (const key of sent.filter((one) => one.startsWith("leaderboard:"))) {
    if ((await client.type(key)) === "zset") return key;
  }
  throw new Error("our leaderboard has no sorted set");
}
