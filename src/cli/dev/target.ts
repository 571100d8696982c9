import { ioredis } from "../../adapters/ioredis/ioredis.ts";
import { ioredisSubscriber } from "../../adapters/ioredis/subscriber.ts";
import { checkRedisUrl } from "../../adapters/ioredis/url.ts";
import { memory } from "../../adapters/memory/index.ts";
import { isOptionError } from "../../core/failure.ts";
import type { Redis } from "../../core/port/redis.ts";
import type { Subscriber } from "../../core/port/subscriber.ts";
import { addressOf, connect, duplicateOf, reportState } from "../connect.ts";
import { explainPort } from "../ports.ts";
import type { CommandEvent } from "./view.ts";
import { watchCommands } from "./watch.ts";

/** The Redis that `dev` works on. */
interface Target {
  readonly redis: Redis;
  readonly subscriber: Subscriber;
  readonly url: string;
  readonly description: string;
  close(): Promise<void>;
}

/** Opens the user's Redis, or one in memory. */
export async function openTarget(
  url: string | undefined,
  port: number,
  onCommand: (event: CommandEvent) => void,
  exitMisused: (message: string) => never,
): Promise<Target> {
  return url === undefined ? openMemory(port, onCommand) : openRedis(url, onCommand, exitMisused);
}

async function openMemory(port: number, onCommand: (event: CommandEvent) => void): Promise<Target> {
  let isReady = false;
  const redis = memory({ onCommand: (event) => isReady && onCommand(event) });
  const { url } = await redis.listen({ port }).catch((error: unknown) => {
    throw explainPort(error, "--port");
  });
  // The first script takes some time, which the user's would else seem to take.
  await redis.send(["EVAL", "return 1", 0]);
  isReady = true;
  const description = `in memory, gone when this ends, for TCP at ${url}`;
  return { redis, subscriber: redis, url, description, close: redis.close };
}

/** What other clients do with it is not seen from here. */
async function openRedis(
  text: string,
  onCommand: (event: CommandEvent) => void,
  exitMisused: (message: string) => never,
): Promise<Target> {
  const url = checkUrl(text, exitMisused);
  const client = await connect(url);
  const listener = duplicateOf(client);
  reportState(client, (line) => console.error(line));
  const description = `${addressOf(new URL(url))}, of which what comes over HTTP is shown`;
  return {
    redis: watchCommands(ioredis(client), onCommand),
    subscriber: ioredisSubscriber(listener, { heartbeat: 15_000 }),
    url,
    description,
    close: async () => [client, listener].forEach((connection) => connection.disconnect()),
  };
}

function checkUrl(url: string, exitMisused: (message: string) => never): string {
  try {
    return checkRedisUrl(url, "--redis");
  } catch (error) {
    if (isOptionError(error)) exitMisused(error.message);
    throw error;
  }
}
