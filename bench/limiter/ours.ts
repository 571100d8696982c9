import { Redis as Client } from "ioredis";
import type { LimitAlgorithm } from "../../src/core/patterns/limiter/index.ts";
import type { Command, Redis } from "../../src/core/port/redis.ts";
import { type Patterns, patternsOf, rowOfBefore, thisCheckout } from "../harness/checkout.ts";
import { type Asked, type Contender, rival, twice } from "../harness/contender.ts";
import type { Address } from "../harness/scene.ts";
import { type AlgorithmName, algorithmOf } from "./algorithms.ts";

/** This package twice, and the yardstick: the very command that our limiter sends, by a client without us. */
export function oursOverTcp(
  { host, port }: Address,
  name: AlgorithmName,
  before?: string,
): readonly Contender<Asked>[] {
  const connect = ({ ioredis }: Patterns) => {
    const client = new Client({ host, port });
    return { client, redis: ioredis.ioredis(client), close: () => client.disconnect() };
  };
  const opened = (checkout: string) => async () => {
    const patterns = await patternsOf(checkout);
    const { redis, close } = connect(patterns);
    return { call: limiterCalls(redis, patterns, name, checkout), close };
  };
  const yardstick = async () => {
    const patterns = await patternsOf(thisCheckout);
    const { client, redis, close } = connect(patterns);
    const run = ([command, ...args]: Command) => client.call(command, ...args.map(String));
    return { call: await bareCalls(redis, patterns, name, run), close };
  };
  return [
    ...twice("redis-patterns", opened(thisCheckout)),
    { name: "bare EVALSHA of the same script, ioredis", role: "limit", open: yardstick },
    ...rowOfBefore(before, (name, checkout) => ({ name, role: "other", open: opened(checkout) }) as const),
  ];
}

/** The same over `rest` and the gateway. */
export function oursOverHttp(at: Address, name: AlgorithmName, before?: string): readonly Contender<Asked>[] {
  const close = () => {};
  const opened = (checkout: string) => async () => {
    const patterns = await patternsOf(checkout);
    return { call: limiterCalls(patterns.rest.rest(at), patterns, name, checkout), close };
  };
  const yardstick = async () => {
    const patterns = await patternsOf(thisCheckout);
    const { Redis: Upstash } = await rival("@upstash/redis");
    const client = new Upstash(at);
    const run = ([, digest, , key, ...args]: Command) => client.evalsha(digest, [key], args);
    return { call: await bareCalls(patterns.rest.rest(at), patterns, name, run), close };
  };
  return [
    ...twice("redis-patterns over rest", opened(thisCheckout)),
    { name: "bare EVALSHA of the same script, @upstash/redis", role: "limit", open: yardstick },
    ...rowOfBefore(before, (name, checkout) => ({ name, role: "other", open: opened(checkout) }) as const),
  ];
}

/** Versions keep their counters apart, under names of one length, since bytes are counted. */
function limiterCalls(redis: Redis, patterns: Patterns, name: AlgorithmName, checkout: string): Asked["call"] {
  const prefix = checkout === thisCheckout ? "ours" : "prev";
  return callsOf(redis, patterns, algorithmOf(name, patterns.limiter), prefix);
}

function callsOf(redis: Redis, { limiter }: Patterns, algorithm: LimitAlgorithm, prefix: string): Asked["call"] {
  const { limit } = limiter.createLimiter(redis, { prefix, algorithm, onError: rethrow, timeout: 30_000 });
  return async (id) => {
    if (!(await limit(id)).allowed) throw new Error("refused below the limit");
  };
}

async function bareCalls(
  redis: Redis,
  patterns: Patterns,
  name: AlgorithmName,
  run: (command: Command) => Promise<unknown>,
): Promise<Asked["call"]> {
  const sent: Command[] = [];
  const send: Redis["send"] = (command, options) => {
    sent.push(command);
    return redis.send(command, options);
  };
  const algorithm = algorithmOf(name, patterns.limiter);
  const limit = callsOf({ ...redis, send }, patterns, algorithm, "ours");
  // The second call finds the script on the server, so it is the one that all later ones are like.
  await limit("first");
  await limit("second");
  const [, digest = "", keys = 1, key = "", , ...numbers] = sent.at(-1) ?? [];
  const [start = "", end = ""] = String(key).split("ours:{second}");
  return (id) =>
    // Two calls with the same id of a call would count as one.
    run(["EVALSHA", digest, keys, `${start}bare:{${id}}${end}`, algorithm.requestId(), ...numbers]);
}

function rethrow({ error }: { readonly error: unknown }): never {
  throw error;
}
