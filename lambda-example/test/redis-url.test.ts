import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { buildHandler } from "../scripts/build.ts";

const folder = mkdtempSync(join(tmpdir(), "redis-patterns-lambda-"));
const bundle = join(folder, "handler.mjs");

beforeAll(() => buildHandler(bundle));
afterAll(() => rmSync(folder, { recursive: true }));

it.each(["true", "false"])("a REDIS_URL that cannot be read is named, and not shown: REDIS_CLUSTER=%s", (isCluster) => {
  for (const password of ["s3cret#w", "s3cret%zz", "s3cret/w"]) {
    const env = { ...process.env, REDIS_URL: `redis://app:${password}@cache.internal`, REDIS_CLUSTER: isCluster };
    const { status, stdout, stderr } = spawnSync(process.execPath, [bundle], { env, encoding: "utf8" });
    expect(status).toBe(1);
    expect(stderr).toContain("REDIS_URL must be a URL that begins with redis://");
    expect(stdout + stderr).not.toContain("s3cret");
  }
});
