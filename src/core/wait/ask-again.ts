import { checkPort } from "../check.ts";
import { codeOf, failureOf } from "../failure.ts";
import { bindInside, createInternals, findInside } from "../internals.ts";
import type { Redis, SendOptions } from "../port/redis.ts";
import { addRemedy } from "../remedy.ts";
import { backoff } from "./backoff.ts";
import { sleep } from "./sleep.ts";

/**
 * Where a port holds what asks it again. Patterns that share a port share what they learn about it, also patterns of another copy of this
 * package, and `limitAll` knows them by it.
 */
const asker = /* @__PURE__ */ createInternals<{ readonly asks: Redis; readonly port: Redis }>("port");

/**
 * Checks the two arguments of a factory and gives the port through which its pattern asks.
 * @throws {OptionError} The first is no port, or the second no object.
 */
export function portFor(redis: Redis, options: object): Redis {
  return askAgain(checkPort(redis, options));
}

/**
 * Creates a port that asks again. What Redis refuses for the moment, because it loads its data, is busy or changes its master, is
 * asked again after growing pauses until the deadline: nothing of it was run. A mistake says what to do about it.
 */
function askAgain(redis: Redis): Redis {
  const known = findInside(asker, redis);
  // What stands for a port, such as a proxy, may show its properties.
  if (known?.asks === redis) return known.port;
  const { masters, timeout = 2_000 } = redis;
  /** Costs an answer next to nothing: only a failure is looked at. */
  const ask = <T>(options: SendOptions | undefined, call: (options?: SendOptions) => Promise<T>) => {
    const start = performance.now();
    return call(options).catch((error: unknown) => untilAnswered(createAttempts(start, timeout, options), error, call));
  };
  const port: Redis = {
    scriptHeader: redis.scriptHeader,
    distant: redis.distant,
    bytes: redis.bytes,
    timeout,
    send: (command, options) => ask(options, (own) => redis.send(command, own)),
    pipeline: (commands, options) =>
      ask(options, async (own) => throwIfAllRefused(await redis.pipeline(commands, own))),
    ...(masters && { masters: async () => (await masters.call(redis)).map(askAgain) }),
  };
  // A port that is frozen gets another one each time.
  if (Object.isExtensible(redis)) bindInside(asker, redis, { asks: redis, port });
  return bindInside(asker, port, { asks: port, port });
}

/** A pipeline of which nothing was run for the moment may be sent again; of another, the caller sees what was refused. */
function throwIfAllRefused<T>(replies: T[]): T[] {
  if (replies.length > 0 && replies.every((reply) => failureOf(reply) === "passing")) throw replies[0];
  for (const reply of replies) addRemedy(reply);
  return replies;
}

/** Asks again after a failure until there is an answer, or a failure that asking again does not mend. */
async function untilAnswered<T>(
  next: Attempts,
  failure: unknown,
  ask: (options?: SendOptions) => Promise<T>,
): Promise<T> {
  const own = await next(failure);
  if (!own) throw failure;
  try {
    return await ask(own);
  } catch (error) {
    return untilAnswered(next, error, ask);
  }
}

/** Is told of a failure, and gives the options to ask with again; none where that is of no use, or too little time is left. */
type Attempts = (error: unknown) => Promise<SendOptions | undefined>;

/** The attempts of one call that began at `start`, with a growing pause before each. */
function createAttempts(start: number, usual: number, options: SendOptions = {}): Attempts {
  let refusal: unknown;
  let attempt = 0;
  return async (error) => {
    addRemedy(error);
    // The deadline of the last attempt is not why there was no answer.
    if (refusal && codeOf(error) === "TIMEOUT") Reflect.set(Object(error), "cause", refusal);
    if (failureOf(error) !== "passing") return undefined;
    refusal = error;
    const pause = backoff(attempt, { first: 10, factor: 2, most: 100 });
    attempt += 1;
    const left = Math.min(usual, options.timeout ?? usual) - (performance.now() - start) - pause;
    if (left < 1) return undefined;
    await sleep(pause, options.signal);
    return { ...options, timeout: Math.ceil(left) };
  };
}
