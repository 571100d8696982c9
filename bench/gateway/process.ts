import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Contender, Instance } from "../harness/contender.ts";
import type { Role } from "../harness/results.ts";
import type { Kind } from "./server.ts";

/** A server in a process of its own. */
export interface ServerProcess extends Instance {
  readonly url: URL;
  /** Microseconds of CPU since it began, of all its threads. */
  cpu(): Promise<number>;
}

export interface Start {
  readonly kind: Kind;
  /** Where Redis listens; a stub needs none. */
  readonly redis?: number;
  readonly checkout: string;
}

export function serverOf(name: string, role: Role, start: Start): Contender<ServerProcess> {
  return { name, role, open: () => startServer(start) };
}

async function startServer({ kind, redis = 0, checkout }: Start): Promise<ServerProcess> {
  const child = fork(join(import.meta.dirname, "server.ts"), [kind, String(redis), checkout]);
  const ended = once(child, "exit");
  const answer = async () => {
    const [message] = await Promise.race([once(child, "message"), ended.then(fail)]);
    return message as unknown;
  };
  const url = new URL(String(await answer()));
  return {
    url,
    async cpu() {
      child.send("cpu");
      const { user, system } = (await answer()) as NodeJS.CpuUsage;
      return user + system;
    },
    async close() {
      child.send("end");
      await ended;
    },
  };
}

function fail(): never {
  throw new Error("The server ended by itself");
}
