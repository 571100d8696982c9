import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { inTurn, interleave } from "../../bench/harness/interleave.ts";
import type { Measured, ResultsFile } from "../../bench/harness/results.ts";
import { median, quantile, ratiosOf, spreadOf } from "../../bench/harness/statistics.ts";
import { readResults } from "../../bench/harness/store.ts";
import { report } from "../../bench/report/report.ts";

describe("the statistics of the benches", () => {
  it.each([
    [[3], 3],
    [[9, 1, 5], 5],
    [[10, 1, 2, 4], 3],
  ])("takes the middle of %j", (figures, middle) => {
    expect(median(figures)).toBe(middle);
  });

  it("says nothing of no figures", () => {
    expect(median([])).toBeNaN();
  });

  it("gives quartiles, with a straight line between two neighbours", () => {
    expect(spreadOf([40, 10, 20, 30])).toEqual({ low: 17.5, middle: 25, high: 32.5 });
    expect(quantile([1, 2, 3, 4, 5], 0.99)).toBeCloseTo(4.96);
  });

  it("leaves the figures as they are", () => {
    const figures = [3, 1, 2];
    spreadOf(figures);
    expect(figures).toEqual([3, 1, 2]);
  });

  it("compares within a round, so that a noisy round is in both", () => {
    expect(ratiosOf([100, 10, 300], [50, 5, 150])).toEqual([2, 2, 2]);
    expect(ratiosOf([100, 10], [50])).toEqual([2]);
  });
});

describe("the rounds of the benches", () => {
  it("gives everybody a turn in each round, in another order every time", () => {
    const orders = [0, 1, 2].map((round) => inTurn(["a", "b", "c"], round).join(""));
    expect(orders).toEqual(["abc", "acb", "cab"]);
  });

  it("warms up in full, then measures each column once a round, and skips what somebody cannot do", async () => {
    const asked: string[] = [];
    const columns = [
      { name: "one", unit: "a" },
      { name: "one", unit: "b" },
    ];
    const load = {
      columns,
      calls: 100,
      async run({ name }: { readonly name: string; close(): void }, calls: number, round: number) {
        asked.push(`${name} ${calls}`);
        return name === "unable" ? undefined : [round, calls];
      },
    };
    const close = () => {};
    const able = { instance: { name: "able", close } };
    const slow = { instance: { name: "slow", close }, share: 0.5 };
    const unable = { instance: { name: "unable", close } };
    const found = await interleave([able, slow, unable], [load], { rounds: 2, share: 0.2 });
    expect(found).toEqual([
      [
        [0, 1],
        [20, 20],
      ],
      [
        [0, 1],
        [10, 10],
      ],
      [[], []],
    ]);
    expect(asked.slice(0, 3)).toEqual(["able 100", "slow 50", "unable 100"]);
  });
});

const measured: Measured = {
  kind: "measured",
  title: "Limiter, made up",
  note: "A note.",
  at: "2026-01-02T03:04:05.000Z",
  commit: "0123456789",
  columns: [
    { name: "1 at a time", unit: "calls/s", better: "more" },
    { name: "64 at a time", unit: "calls/s", better: "more" },
    { name: "1 at a time", unit: "p50 ms" },
  ],
  rows: [
    { name: "redis-patterns", role: "ours", samples: [[1_000, 500, 1_100], [20_000], [0.25]] },
    { name: "redis-patterns, again", role: "control", samples: [[990, 505, 1_100], [20_000], [0.25]] },
    { name: "ioredis, bare", role: "limit", samples: [[2_000, 1_000, 2_200], [], [0.125]] },
  ],
};

const results: ResultsFile = {
  benches: [
    {
      bench: "limiter",
      mode: "full",
      machine: {
        cpu: "A CPU",
        cores: 2,
        system: "Linux 6",
        node: "24.0.0",
        redis: "7.0.15",
        packages: { ioredis: "6.0.0" },
      },
      tables: [
        measured,
        {
          kind: "told",
          title: "Seen",
          at: measured.at,
          commit: measured.commit,
          columns: ["what"],
          rows: [{ name: "we", cells: ["a | b"] }],
        },
      ],
    },
  ],
};

const root = join(import.meta.dirname, "../..");
const published = join(root, "docs/benchmarks.md");
const file = join(root, "bench/results.json");

/** The cells of each line of each table, without those that only draw lines. */
function cellsOf(page: string): string[][] {
  return page
    .split("\n")
    .filter((line) => line.startsWith("| ") && !/^[|\s-]+$/.test(line))
    .map((line) =>
      line
        .slice(1, -1)
        .split(/(?<!\\)\|/)
        .map((cell) => cell.trim()),
    );
}

/** What a page says otherwise than it should about the figures that are made up here. */
function mistakes(page: string): string[] {
  const lines = cellsOf(page);
  const find = (name: string, nth = 0) => lines.filter(([first]) => first === name)[nth]?.slice(1);
  const expected: [string, string[] | undefined, string[]][] = [
    ["head", find("calls/s"), ["1 at a time", "to ours", "64 at a time", "to ours"]],
    ["ours", find("redis-patterns"), ["1,000 (750 to 1,050)", "1", "20,000", "1"]],
    [
      "control",
      find("redis-patterns, again"),
      ["990 (748 to 1,045)", "1.00x (0.99x to 1.00x), ours 1.00x", "20,000", "1.00x, ours 1.00x"],
    ],
    ["limit", find("ioredis, bare"), ["2,000 (1,500 to 2,100)", "2.00x, ours 0.50x", "-", "-"]],
    ["aside of ours", find("redis-patterns", 1), ["0.25"]],
    ["aside of the limit", find("ioredis, bare", 1), ["0.125"]],
    ["told", find("we"), ["a \\| b"]],
  ];
  return expected
    .filter(([, found, wanted]) => JSON.stringify(found) !== JSON.stringify(wanted))
    .map(([what, found]) => `${what}: ${JSON.stringify(found)}`);
}

describe("the report of the benches", () => {
  const page = report(results);

  it("says what the results say", () => {
    expect(mistakes(page)).toEqual([]);
  });

  it.each([
    ["a figure that was changed", "| 2,000 (1,500 to 2,100)", "| 2,100 (1,500 to 2,100)"],
    ["a ratio the wrong way round", "2.00x, ours 0.50x", "0.50x, ours 2.00x"],
    ["a row that is missing", /\| ioredis, bare .*\n/, ""],
    ["columns in another order", /(1 at a time +)(\| to ours +)/, "$2$1"],
    ["a median that is none", "| 0.125 ", "| 0.25  "],
  ])("would be caught with %s", (_, from, to) => {
    const wrong = page.replace(from, to);
    expect(wrong).not.toBe(page);
    expect(mistakes(wrong)).not.toEqual([]);
  });

  it("names the machine, the versions, the day, the commit and how to run it again", () => {
    expect(page).toContain("`npm run bench -- limiter` on 2026-01-02 at commit 0123456789;");
    expect(page).toContain("A CPU, 2 cores, Linux 6; Node 24.0.0, Redis 7.0.15.");
    expect(page).toContain("Versions: ioredis 6.0.0.");
  });

  it("says how far ours is from itself", () => {
    expect(page).toContain(
      "Noise, ours to itself: 0.99x to 1.00x (1 at a time, calls/s); 1.00x to 1.00x (64 at a time, calls/s).",
    );
  });

  // Whoever measures may forget to write the page.
  it.runIf(existsSync(published))("is the page that is published", () => {
    expect(readFileSync(published, "utf8")).toBe(report(readResults(file)));
  });

  it("warns of what was measured in a hurry", () => {
    const hurried = { benches: results.benches.map((bench) => ({ ...bench, mode: "quick" as const })) };
    expect(report(hurried)).toContain("**Not to be quoted:** run in the quick mode: limiter.");
    expect(page).not.toContain("Not to be quoted");
  });
});
