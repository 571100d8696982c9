import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, it } from "vitest";
import { root } from "./packed.ts";

it("the demo runs on a machine without a redis-server, and all that it claims holds", () => {
  const { REDIS_URL: _url, REDIS_SERVER: _server, ...env } = process.env;
  const { stdout, stderr, status } = spawnSync(process.execPath, [join(root, "demo/demo.ts")], {
    encoding: "utf8",
    env,
  });
  expect(stdout, stderr).toMatch(/^Redis: in memory, at redis:\/\/127\.0\.0\.1:\d+,/);
  expect(stdout.match(/^holds {3}/gm)).toHaveLength(14);
  expect(stdout).not.toContain("BROKEN");
  expect(status).toBe(0);
}, 60_000);
