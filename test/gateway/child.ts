import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import type { GatewayOptions } from "../../src/gateway/index.ts";
import type { Vitals } from "./child-main.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** A gateway in a process of its own. */
export interface Child {
  readonly child: ChildProcess;
  readonly url: string;
  stop(): Promise<void>;
}

/** @param streams Its options for streams. Without them it has none. */
export async function startChild(
  redisPort: number,
  maxBody: number,
  streams?: Pick<GatewayOptions, "heartbeat" | "maxStreams" | "maxPending">,
): Promise<Child> {
  const dir = await mkdtemp(join(root, "node_modules/.fuzz-"));
  const file = join(dir, "child.mjs");
  const entry = join(root, "test/gateway/child-main.ts");
  await build({
    entryPoints: [entry],
    outfile: file,
    bundle: true,
    platform: "node",
    format: "esm",
    external: ["ioredis"],
  });
  const child = fork(file, {
    execArgv: ["--expose-gc"],
    env: {
      ...process.env,
      REDIS_PORT: String(redisPort),
      MAX_BODY: String(maxBody),
      ...(streams && { STREAMS: JSON.stringify(streams) }),
    },
  });
  const [url] = (await once(child, "message")) as [string];
  const stop = async () => {
    child.kill("SIGKILL");
    await rm(dir, { recursive: true });
  };
  return { child, url, stop };
}

export async function vitals(child: ChildProcess): Promise<Vitals> {
  child.send("?");
  const [told] = (await once(child, "message")) as [Vitals];
  return told;
}
