import { checkDuration } from "../../check.ts";
import { keyOf, namespaceOf } from "../../keys.ts";
import { checkLifetime } from "../../time/lifetime.ts";
import type { Redis } from "../../port/redis.ts";
import { checkChange, type ChangeOptions, rememberRequest } from "../../request.ts";
import { hours } from "../../time/duration.ts";
import { portFor } from "../../wait/ask-again.ts";
import { checkWhole } from "./check-count.ts";
import { bindContext, type CounterContext } from "./context.ts";
import { readCount } from "./format.ts";
import { incrementCounter } from "./increment.ts";
import type { CounterOptions, Counters } from "./options.ts";
import { getCounter, getCounters } from "./read.ts";
import { deleteCounterScript } from "./scripts/delete.lua.ts";
import { setCounterScript } from "./scripts/set.lua.ts";

/**
 * Creates counters: views, likes, stock, whatever is counted by many callers at once.
 * @throws {OptionError} An option can never work.
 * @example
 * const views = createCounters(redis, { prefix: "views", ttl: days(30) });
 * const count = await views.increment("post:7");
 * await views.increment("post:7", 1, { requestId: id }); // counts once, however often the message of this id comes
 * const [first, second] = await views.getMany(["post:7", "post:8"]);
 */
export function createCounters(redis: Redis, options: CounterOptions): Counters {
  const port = portFor(redis, options);
  const { prefix, ttl, requestTtl = hours(24) } = options;
  const context: CounterContext = {
    redis: port,
    namespace: namespaceOf("counter", prefix),
    ttl: checkLifetime("ttl", ttl),
    requestTtl: checkDuration("requestTtl", requestTtl),
  };
  const counters: Counters = {
    increment: async (id, by = 1, call) =>
      readCount(await incrementCounter(context, id, { operation: "increment", by }, call), id),
    get: async (id, call) => getCounter(context, id, call),
    getMany: async (ids, call) => getCounters(context, ids, call),
    async set(id, value, call) {
      const values = { ...changeOf(context, id, "set", call), value: checkWhole("value", value), ttl: context.ttl };
      await setCounterScript(port, values, { signal: call?.signal, idempotent: true });
    },
    delete: async (id, call) =>
      deleteCounterScript(port, changeOf(context, id, "delete", call), { signal: call?.signal, idempotent: true }),
  };
  return bindContext(counters, context);
}

function changeOf(
  { namespace, requestTtl }: CounterContext,
  id: string,
  operation: string,
  call: ChangeOptions | undefined,
) {
  const remembered = rememberRequest(namespace, id, operation, checkChange(call) ?? {}, requestTtl);
  return { counter: keyOf(namespace, id), ...remembered };
}
