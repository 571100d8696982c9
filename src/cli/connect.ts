import type { Redis } from "ioredis";
import { server } from "../adapters/ioredis/presets.ts";

/**
 * Creates a connection for the gateway. It uses RESP2, whose replies are those of the REST protocol. Integers arrive as text, so that big ones
 * stay exact. It never sends a command twice, since it cannot know which commands may run twice: after a failover it connects anew, and the
 * client gets the READONLY.
 */
export async function connect(url: string): Promise<Redis> {
  const { Redis } = await import("ioredis").catch(throwMissingPackage);
  return new Redis(url, {
    ...server,
    protocol: 2,
    stringNumbers: true,
    maxRetriesPerRequest: 0,
    reconnectOnError: (error) => server.reconnectOnError(error) !== false,
  });
}

/** Tells once when Redis is lost, and once when it is back. */
export function reportState(client: Redis, say: (text: string) => void): void {
  let reachable = true;
  client.on("error", (error: NodeJS.ErrnoException) => {
    if (reachable) say(`Redis is not reachable: ${error.code ?? error.message}`);
    reachable = false;
  });
  client.on("ready", () => {
    if (!reachable) say("Redis is reachable");
    reachable = true;
  });
}

/** Reads a URL of a Redis, or gives `null`. A password with a slash or a hash sign in it would end up in the name of a host. */
export function parseRedisUrl(text: string): URL | null {
  if (!/^rediss?:\/\/./.test(text) || !URL.canParse(text)) return null;
  const url = new URL(text);
  return url.hash === "" && !/@/.test(url.pathname + url.search) ? url : null;
}

/** The address in a URL, without the user and the password. */
export function addressOf({ protocol, hostname, port, pathname }: URL): string {
  return `${protocol}//${hostname || "127.0.0.1"}:${port || 6379}${pathname === "/" ? "" : pathname}`;
}

function throwMissingPackage(cause: unknown): never {
  throw new Error("The gateway needs the package ioredis: npm install ioredis", { cause });
}
