import type { Redis } from "ioredis";
import { server } from "../adapters/ioredis/presets.ts";

/**
 * Creates a connection for the gateway. It uses RESP2, whose replies are those of the REST protocol. Integers arrive as text, so that big ones
 * stay exact. It never sends a command twice, since it cannot know which commands may run twice: after a failover it connects anew, and the
 * client gets the READONLY.
 */
export async function connect(url: string): Promise<Redis> {
  const { Redis } = await importIoredis("The gateway");
  return new Redis(url, {
    ...server,
    protocol: 2,
    stringNumbers: true,
    maxRetriesPerRequest: 0,
    reconnectOnError: (error) => server.reconnectOnError(error) !== false,
  });
}

/** A second connection for messages, which is made for the first stream. The state of the first one is told, and that is enough. */
export function duplicateOf(client: Redis): Redis {
  const duplicate = client.duplicate({ lazyConnect: true });
  duplicate.on("error", () => {});
  return duplicate;
}

/** Tells once when Redis is lost, and once when it is back. */
export function reportState(client: Redis, say: (text: string) => void): void {
  let reachable = true;
  client.on("error", (error: NodeJS.ErrnoException) => {
    const isRefusal = error.name === "ReplyError";
    if (reachable) say(`Redis ${isRefusal ? "refuses" : "is not reachable"}: ${error.code ?? error.message}`);
    reachable = false;
  });
  client.on("ready", () => {
    if (!reachable) say("Redis is reachable");
    reachable = true;
  });
}

/** The address in a URL, without the user and the password. */
export function addressOf({ protocol, hostname, port, pathname }: URL): string {
  return `${protocol}//${hostname || "127.0.0.1"}:${port || 6379}${pathname === "/" ? "" : pathname}`;
}

/** Loads the user's own copy of ioredis. */
export async function importIoredis(subject: string) {
  return import("ioredis").catch((cause: unknown) => {
    throw new Error(`${subject} needs the package ioredis: npm install ioredis`, { cause });
  });
}
