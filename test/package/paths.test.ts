import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { root } from "./packed.ts";

/** How many files of the core a call may enter: whoever looks for a fault there has to read so many. */
const most: Readonly<Record<string, number>> = {
  "cache: hit": 12,
  "cache: miss after a hit": 27,
  "limiter: limit": 14,
  "lock: run": 18,
  "session: read": 13,
};

interface Path {
  readonly call: string;
  readonly functions: number;
  readonly files: readonly string[];
}

describe("the way of a call through the core", () => {
  const { stdout, stderr } = spawnSync("node", [join(root, "scripts/paths.ts"), "--json"], { encoding: "utf8" });
  const paths: readonly Path[] = JSON.parse(stdout || JSON.stringify(stderr));

  it.each(Object.entries(most))("of %s enters at most %i files", (call, limit) => {
    const path = paths.find((path) => path.call === call);
    // Every call passes through its adapter, the port and a pattern; fewer would say that nothing was measured.
    expect(path?.files.length, call).toBeGreaterThan(6);
    expect(path?.files.length, path?.files.join("\n")).toBeLessThanOrEqual(limit);
  });
});
