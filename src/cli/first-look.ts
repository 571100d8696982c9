import type { Redis as Client } from "ioredis";
import type { Redis } from "../core/port/redis.ts";
import { findHidden, findMissing } from "./commands.ts";

/** What the gateway learns of a Redis when it has reached it. */
export interface FirstLook {
  /** Fills the set with commands that are refused although they are on the list. */
  readonly missing: Set<string>;
  readonly warn: (message: string) => void;
  /** Called once, as soon as Redis answers. */
  readonly onReached: () => void;
}

/** Looks at each Redis that the client connects to, since another one may stand behind the same address after a failover. */
export function lookAtRedis(client: Client, redis: Redis, { missing, warn, onReached }: FirstLook): void {
  let reached = false;
  const look = async () => {
    const found = await findMissing(redis);
    missing.clear();
    for (const name of found ?? []) missing.add(name);
    if (reached) return;
    const hidden = await findHidden(redis);
    reached = true;
    if (!found)
      warn("this Redis user may not run COMMAND: the gateway's own list of commands alone decides what is refused");
    warnOfScripts(hidden, warn);
    onReached();
  };
  const lookAndTell = () => void look().catch((error: unknown) => warn(`Redis does not answer: ${messageOf(error)}`));
  client.on("ready", lookAndTell);
  if (client.status === "ready") lookAndTell();
}

function warnOfScripts(hidden: readonly string[] | null, warn: (message: string) => void): void {
  if (!hidden)
    return warn(
      "scripts may run commands that the gateway refuses, such as MIGRATE: take them from the Redis user by its ACL",
    );
  if (hidden.length > 0) {
    warn(
      `scripts of this Redis user may run ${hidden.join(" and ")}, which no gateway can refuse: take them away by its ACL`,
    );
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : "it failed";
}
