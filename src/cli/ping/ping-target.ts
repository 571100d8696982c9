import { ioredis } from "../../adapters/ioredis/ioredis.ts";
import { ioredisSubscriber } from "../../adapters/ioredis/subscriber.ts";
import { managedCluster, server } from "../../adapters/ioredis/presets.ts";
import { checkRedisUrl } from "../../adapters/ioredis/url.ts";
import { rest } from "../../adapters/rest/rest.ts";
import { restSubscriber } from "../../adapters/rest/subscriber.ts";
import { OptionError } from "../../core/errors.ts";
import { isOptionError } from "../../core/failure.ts";
import type { Redis } from "../../core/port/redis.ts";
import type { Subscriber } from "../../core/port/subscriber.ts";
import { importIoredis } from "../connect.ts";

/** What a ping asks, and how to let go of it. */
export interface Target {
  readonly redis: Redis;
  /** It connects when something is subscribed. */
  readonly subscriber: Subscriber;
  /** Names the setting from which the address came, and never the address: it may contain a password. */
  readonly name: string;
  close(): void;
}

/** Where a Redis is, by a flag or by the environment. */
export interface Place {
  /** The flag or the variable. */
  readonly name: string;
  readonly url: string;
}

/** The deadline of every call, in milliseconds. A first connection over TLS to another region takes a second. */
const timeout = 5_000;

/** @throws {OptionError} The URL or the token can never work. */
export function openRest({ name, url }: Place, token: string): Target {
  try {
    const place = { url, token, timeout };
    return { redis: rest(place), subscriber: restSubscriber(place), name, close: () => {} };
  } catch (error) {
    throw isOptionError(error) ? new OptionError(`${name}: ${error.message}`) : error;
  }
}

/** @throws {OptionError} The URL can never work. */
export async function openTcp({ name, url }: Place, isCluster: boolean): Promise<Target> {
  checkRedisUrl(url, name);
  const { Redis, Cluster } = await importIoredis("A ping");
  const connect = (options: { readonly lazyConnect: boolean }) => {
    const client = isCluster
      ? new Cluster([addressOf(url)], { ...clusterOptions(url), ...options })
      : new Redis(url, { ...server, ...options });
    // The reason reaches the call that needs the connection.
    return client.on("error", () => {});
  };
  const client = connect({ lazyConnect: false });
  const listener = connect({ lazyConnect: true });
  return {
    redis: ioredis(client, { timeout }),
    subscriber: ioredisSubscriber(listener, { timeout }),
    name,
    close: () => [client, listener].forEach((connection) => connection.disconnect()),
  };
}

function addressOf(url: string) {
  const { hostname, port } = new URL(url);
  return { host: hostname || "127.0.0.1", port: Number(port || 6379) };
}

function clusterOptions(url: string) {
  const { protocol, username, password } = new URL(url);
  const { tls, ...plain } = managedCluster.redisOptions;
  const redisOptions = {
    ...plain,
    ...(username && { username: decodeURIComponent(username) }),
    ...(password && { password: decodeURIComponent(password) }),
    ...(protocol === "rediss:" && { tls }),
  };
  return { ...managedCluster, redisOptions };
}
