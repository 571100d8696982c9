import { execFileSync, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));
const unpacked = (name: string) => `${root}.cache/servers/${name}/server`;

/** Each server, and where it is: unpacked by the script, or where an environment variable says. */
const servers = [
  ["6.0", process.env["REDIS_6_0"] ?? unpacked("redis-6.0")],
  ["7.", process.env["REDIS_SERVER"] ?? "redis-server"],
  ["8.0", process.env["REDIS_8_0"] ?? unpacked("redis-8.0")],
  ["8.1", process.env["VALKEY_8_1"] ?? unpacked("valkey-8.1")],
] as const;

/** What tells servers apart: their refusals, their users, and each pattern's first suite. */
const faults = ["errors", "acl", "lock-acl", "redis-ping"].map((name) => `test/faults/${name}.test.ts`);
const patterns = [
  "cache",
  "limiter",
  "lock",
  "session",
  "idempotency",
  "token",
  "leaderboard",
  "uniques",
  "counter",
  "series",
  "record",
  "feed",
  "presence",
  "bloom",
  "key-owners",
];
const contracts = patterns.map((name) => `test/contract/${name}.test.ts`);
/** The suite of the port asks for the replies to commands that are newer than Redis 6.0. */
const port = "test/contract/redis.test.ts";

describe("every pattern and every refusal", () => {
  beforeAll(() => {
    execFileSync(`${root}scripts/servers.sh`, { stdio: "inherit" });
  }, 300_000);

  it.each(servers)("on version %s", (version, server) => {
    expect(execFileSync(server, ["--version"], { encoding: "utf8" })).toContain(`v=${version}`);
    const { status, stdout } = spawnSync(
      process.execPath,
      [
        `${root}node_modules/vitest/vitest.mjs`,
        "run",
        "--reporter=dot",
        ...faults,
        ...contracts,
        ...(version === "6.0" ? [] : [port]),
      ],
      {
        cwd: root,
        encoding: "utf8",
        env: { ...process.env, REDIS_SERVER: server, BACKENDS: "ioredis 6,rest", CI: "true", NO_COLOR: "1" },
      },
    );
    expect(status, stdout).toBe(0);
    expect(stdout).toMatch(/Tests +\d{3,} passed/);
  });
});
