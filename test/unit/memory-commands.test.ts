import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { changeCommand } from "../../src/adapters/memory/commands.ts";
import { memory } from "../../src/adapters/memory/index.ts";
import { type Repair, repairs } from "../../src/adapters/memory/repairs.ts";
import { openChanged } from "../fixtures/changed-engine.ts";
import { differences, sequences } from "../fixtures/commands/sequence.ts";
import { openRealRedis } from "../fixtures/real-redis.ts";
import { sized } from "../support/long.ts";

// A failure prints the sequence; COMMANDS_SEED tries others.
const seed = Number(process.env["COMMANDS_SEED"] ?? 20_261_127);
const numRuns = sized(800, 40);
const real = openRealRedis();

describe("the embedded engine answers what Redis answers", () => {
  const other = memory({ timeout: 60_000 });

  it.each([...sequences])(
    "to sequences of %s",
    async (_, sequence) => {
      const property = fc.asyncProperty(sequence, async (steps) => {
        expect(await differences(steps, real(), other)).toEqual([]);
      });
      await fc.assert(property, { numRuns, seed });
    },
    sized(600_000, 60_000),
  );
});

describe("this comparison finds an engine", () => {
  async function firstDifference(family: string, changes: readonly Repair[]): Promise<string | undefined> {
    const engine = openChanged(changes);
    const sequence = sequences.get(family) ?? fc.constant([]);
    for (const steps of fc.sample(sequence, { numRuns: 400, seed })) {
      const [found] = await differences(steps, real(), engine);
      if (found) return found;
    }
    return undefined;
  }

  it.each([
    ["exactTrims", "streams"],
    ["acknowledgeNothing", "streams"],
    ["infiniteBounds", "sorted sets"],
    ["spellScores", "sorted sets"],
    ["storeAnew", "sets"],
    ["rangeBefore", "strings"],
    ["runScripts", "strings"],
    ["chanceInScripts", "sets"],
    ["summarizePending", "streams"],
  ])("without the repair %s, by %s", async (name, family) => {
    const rest = repairs.filter((repair) => repair.name !== name);
    expect(rest.length).toBe(repairs.length - 1);
    expect(await firstDifference(family, rest)).toBeDefined();
  });

  it("with one command that answers wrongly, or leaves something else behind", async () => {
    const wrongCount: Repair = (engine) => {
      const { RedisResult, RedisValue } = engine.module;
      changeCommand(engine, "hlen", () => () => RedisResult.create(RedisValue.integer(7)));
    };
    expect(await firstDifference("hashes", [...repairs, wrongCount])).toContain("HLEN");
    const forgetful: Repair = (engine) => changeCommand(engine, "persist", () => () => engine.module.RedisResult.ok());
    expect(await firstDifference("keys", [...repairs, forgetful])).toContain("PERSIST");
  });
});
