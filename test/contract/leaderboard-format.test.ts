import { beforeAll, expect, it } from "vitest";
import type { Redis } from "../../src/core/port/redis.ts";
import { instant, openAll, writeAll } from "../fixtures/leaderboard-tools.ts";
import boardsV1 from "../fixtures/leaderboard-v1.json" with { type: "json" };
import { restore } from "../fixtures/restore.ts";
import { onEveryBackend } from "../support/backends.ts";

onEveryBackend(
  "the leaderboards of version 1",
  (backend) => {
    let redis: Redis;
    beforeAll(async () => {
      redis = await backend.connect();
    });

    it("are read with today's code", async () => {
      await restore(redis, boardsV1.keys, "leaderboard-v1", "leaderboard-v1");
      const boards = openAll(redis, "leaderboard-v1");
      const data = "Ada é";
      for (const board of [boards.plain, boards.dense]) {
        const { entries } = await board.top("chess");
        expect(entries).toMatchObject([
          { member: "eve", score: 12.5, rank: 1, data: null },
          { member: "ada", score: 12.5, rank: board === boards.dense ? 1 : 2, data },
          { member: "{bob}", score: -3, rank: board === boards.dense ? 2 : 3, data: null },
        ]);
      }
      for (const board of [boards.first, boards.firstAscending]) {
        expect((await board.top("chess", { at: instant })).entries).toMatchObject([
          { member: "ada", score: 12, rank: 1, data },
          { member: "{bob}", score: 12, rank: 2, data: null },
        ]);
      }
      const again = await boards.weekly.increment("chess", "eve", 0.5, { at: instant, requestId: "call 1" });
      expect(again).toEqual({ changed: true, score: 0.5, rank: 3 });
      const { entries } = await boards.weekly.top("chess", { at: instant });
      expect(entries.map(({ member, rank }) => [member, rank])).toEqual([
        ["ada", 1],
        ["{bob}", 1],
        ["eve", 3],
      ]);
    });

    it("are written byte for byte", async () => {
      const prefix = `${backend.prefix}:permanent`;
      const keys = async () => (await backend.keys()).filter((key) => key.startsWith(`leaderboard:${prefix}:`));
      const written = JSON.stringify(await writeAll(redis, prefix, keys)).replaceAll(prefix, "leaderboard-v1");
      expect(JSON.parse(written)).toEqual(boardsV1.keys);
    });
  },
  ["~*:leaderboard-v1:*"],
);
