import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { root } from "./packed.ts";

let machine: string;

beforeEach(() => {
  machine = mkdtempSync(join(tmpdir(), "redis-patterns-machine-"));
});
afterEach(() => {
  rmSync(machine, { recursive: true });
});

/** Puts a command on the machine's otherwise empty PATH. */
function install(name: string, script: string): string {
  const path = join(machine, name);
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return path;
}

/** What the set-up finds on a machine that has nothing but what was installed by the test. */
function provide({ user, env = {} }: { user: "root" | "somebody"; env?: Record<string, string> }): string {
  const module = pathToFileURL(join(root, "scripts/setup/redis-server.mjs")).href;
  const { stdout, stderr } = spawnSync(
    process.execPath,
    [
      "--input-type=module",
      "-e",
      `process.getuid = () => ${user === "root" ? 0 : 1_000};
       const { provideRedisServer } = await import(${JSON.stringify(module)});
       console.log(provideRedisServer(${JSON.stringify(machine)}, ${JSON.stringify(join(machine, "policy-rc.d"))}));`,
    ],
    { encoding: "utf8", env: { PATH: machine, ...env } },
  );
  return stdout + stderr;
}

const says = (version: string) => `echo "Redis server v=${version} sha=0"`;

describe("the set-up's redis-server", () => {
  it("is the one on PATH", () => {
    const path = install("redis-server", says("7.2.4"));
    expect(provide({ user: "somebody" }).trim()).toBe(path);
  });

  it("is the one that REDIS_SERVER names, before that on PATH", () => {
    install("redis-server", says("7.2.4"));
    const path = install("my-redis", says("8.0.1"));
    expect(provide({ user: "somebody", env: { REDIS_SERVER: path } }).trim()).toBe(path);
  });

  it("is never replaced if REDIS_SERVER names one that is too old", () => {
    install("redis-server", says("7.2.4"));
    const path = install("my-redis", says("6.0.16"));
    expect(provide({ user: "somebody", env: { REDIS_SERVER: path } })).toContain("REDIS_SERVER names no redis-server");
  });

  it("is Debian's package where that may be installed, without its service", () => {
    const target = join(machine, "redis-server");
    install(
      "apt-get",
      `[ "$2" = install ] || exit 0
       [ "$5" = redis-server ] || exit 1
       ${join(machine, "policy-rc.d")} redis-server start
       [ $? = 101 ] || exit 1
       printf '#!/bin/sh\\necho "Redis server v=7.0.15"\\n' > ${target}
       /bin/chmod +x ${target}`,
    );
    expect(provide({ user: "root" })).toContain(target);
    expect(existsSync(join(machine, "policy-rc.d"))).toBe(false);
  });

  it("is not sought with apt-get by somebody who may not", () => {
    install("apt-get", `echo called > ${join(machine, "apt-called")}`);
    expect(provide({ user: "somebody" })).not.toContain("apt-get)");
  });

  it("is asked for by three remedies where none can be had", () => {
    install("redis-server", says("5.0.3"));
    const said = provide({ user: "somebody" });
    expect(said).toContain("1. Put redis-server on PATH");
    expect(said).toContain("2. Set REDIS_SERVER");
    expect(said).toContain("The demo needs none");
  });
});
