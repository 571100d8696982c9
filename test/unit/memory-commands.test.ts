import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { changeCommand } from "../../src/adapters/memory/repairs/commands.ts";
import { memory } from "../../src/adapters/memory/index.ts";
import { type Repair, repairs } from "../../src/adapters/memory/repairs/repairs.ts";
import { openChanged } from "../fixtures/changed-engine.ts";
import { generators } from "../fixtures/commands/index.ts";
import { others, strangers } from "../fixtures/commands/known.ts";
import { differences, sequences } from "../fixtures/commands/sequence.ts";
import { modules } from "../fixtures/every-script.ts";
import { openRealRedis } from "../fixtures/real-redis.ts";
import { sized } from "../support/long.ts";

// A failure prints the sequence; COMMANDS_SEED tries others.
const seed = Number(process.env["COMMANDS_SEED"] ?? 20_261_127);
const numRuns = sized(800, 15);
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

describe("the commands that are compared", () => {
  it("are all that our scripts call", () => {
    const called = modules.flatMap(({ source }) => [...source.matchAll(/\bredis\.p?call\(["'](\w+)/g)]);
    expect(called.length).toBeGreaterThan(150);
    expect(called.map(([, name = ""]) => name).filter((name) => !generators.has(name))).toEqual([]);
  });

  it("are not among those that are not, and suites may send no others", () => {
    expect(Object.keys(others).filter((name) => generators.has(name.toUpperCase()))).toEqual([]);
    expect(strangers(["get", "config", "georadius", "constructor"])).toEqual(["georadius", "constructor"]);
  });
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
    ["estimateAsRedis", "server"],
  ])(
    "without the repair %s, by %s",
    async (name, family) => {
      const rest = repairs.filter((repair) => repair.name !== name);
      expect(rest.length).toBe(repairs.length - 1);
      expect(await firstDifference(family, rest)).toBeDefined();
    },
    60_000,
  );

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
