import { Redis as Client } from "ioredis";
import { ioredis } from "../../src/adapters/ioredis/ioredis.ts";
import { rest } from "../../src/adapters/rest/rest.ts";
import { createLimiter, type LimitAlgorithm } from "../../src/core/patterns/limiter/index.ts";
import type { Command, Redis } from "../../src/core/port/redis.ts";
import { type Asked, type Contender, rival, twice } from "../harness/contender.ts";
import type { Address } from "../harness/scene.ts";

/** This package twice, and the yardstick: the very command that our limiter sends, by a client without us. */
export function oursOverTcp({ host, port }: Address, algorithm: LimitAlgorithm): readonly Contender<Asked>[] {
  const connect = () => {
    const client = new Client({ host, port });
    return { client, redis: ioredis(client), close: () => client.disconnect() };
  };
  const limiter = async () => {
    const { redis, close } = connect();
    return { call: callsOf(redis, algorithm), close };
  };
  const yardstick = async () => {
    const { client, redis, close } = connect();
    const run = ([command, ...args]: Command) => client.call(command, ...args.map(String));
    return { call: await bareCallsOf(redis, algorithm, run), close };
  };
  return [
    ...twice("redis-patterns", limiter),
    { name: "bare EVALSHA of the same script, ioredis", role: "limit", open: yardstick },
  ];
}

/** The same over `rest` and the gateway. */
export function oursOverHttp(at: Address, algorithm: LimitAlgorithm): readonly Contender<Asked>[] {
  const close = () => {};
  const yardstick = async () => {
    const { Redis: Upstash } = await rival("@upstash/redis");
    const client = new Upstash(at);
    const run = ([, digest, , key, ...args]: Command) => client.evalsha(digest, [key], args);
    return { call: await bareCallsOf(rest(at), algorithm, run), close };
  };
  return [
    ...twice("redis-patterns over rest", async () => ({ call: callsOf(rest(at), algorithm), close })),
    { name: "bare EVALSHA of the same script, @upstash/redis", role: "limit", open: yardstick },
  ];
}

function callsOf(redis: Redis, algorithm: LimitAlgorithm): Asked["call"] {
  const limiter = createLimiter(redis, { prefix: "ours", algorithm, onError: rethrow, timeout: 30_000 });
  return async (id) => {
    if (!(await limiter.limit(id)).allowed) throw new Error("refused below the limit");
  };
}

async function bareCallsOf(
  redis: Redis,
  algorithm: LimitAlgorithm,
  run: (command: Command) => Promise<unknown>,
): Promise<Asked["call"]> {
  const sent: Command[] = [];
  const send: Redis["send"] = (command, options) => {
    sent.push(command);
    return redis.send(command, options);
  };
  const limit = callsOf({ ...redis, send }, algorithm);
  // The second call finds the script on the server, so it is the one that all later ones are like.
  await limit("first");
  await limit("second");
  const [, digest = "", keys = 1, key = "", , ...numbers] = sent.at(-1) ?? [];
  const [before = "", after = ""] = String(key).split("ours:{second}");
  return (id) =>
    // Two calls with the same id of a call would count as one.
    run(["EVALSHA", digest, keys, `${before}bare:{${id}}${after}`, algorithm.requestId(), ...numbers]);
}

function rethrow({ error }: { readonly error: unknown }): never {
  throw error;
}
