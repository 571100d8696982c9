import type { Redis } from "ioredis";

/**
 * Creates a connection for the gateway. It uses RESP2, whose replies are those of the REST protocol. Integers arrive as text, so that big ones
 * stay exact. It never sends a command twice, since it cannot know which commands may run twice.
 */
export async function connect(url: string): Promise<Redis> {
  const { Redis } = await import("ioredis").catch(throwMissingPackage);
  const client = new Redis(url, { protocol: 2, stringNumbers: true, maxRetriesPerRequest: 0, connectTimeout: 5_000 });
  let reachable = true;
  client.on("error", (error: NodeJS.ErrnoException) => {
    if (reachable) console.error(`Redis is not reachable: ${error.code ?? error.message}`);
    reachable = false;
  });
  client.on("ready", () => {
    if (!reachable) console.error("Redis is reachable");
    reachable = true;
  });
  return client;
}

function throwMissingPackage(cause: unknown): never {
  throw new Error("The gateway needs the package ioredis: npm install ioredis", { cause });
}
