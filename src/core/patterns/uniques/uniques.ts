import { checkDuration, checkMethods } from "../../check.ts";
import { OptionError } from "../../errors.ts";
import { checkLifetime } from "../../time/lifetime.ts";
import { encodeId, namespaceOf } from "../../keys.ts";
import type { Redis } from "../../port/redis.ts";
import { checkPeriod, type Period } from "../../time/period.ts";
import { portFor } from "../../wait/ask-again.ts";
import { addMembers } from "./add.ts";
import { bindContext, type UniquesContext } from "./context.ts";
import { countMembers } from "./count.ts";
import type { CountName, MemberHash, Uniques, UniquesOptions } from "./options.ts";

/**
 * Creates counters of different members: visitors of a page, users of a day.
 * @throws {OptionError} An option can never work.
 * @example
 * const visitors = createUniques(redis, { prefix: "visitors", count: hybrid(), period: daily(), ttl: days(90) });
 * await visitors.add("home", userId);
 * const today = await visitors.count("home");
 * const { count, exact, errorBound } = await visitors.count("home", { last: days(7) });
 */
export function createUniques<Name extends CountName>(redis: Redis, options: UniquesOptions<Name>): Uniques<Name> {
  const port = portFor(redis, options);
  const { prefix, count, ttl, period, hash, requestTtl = 86_400_000 } = options;
  if (!count) throw new OptionError("`count` must be exact(), approximate() or hybrid()");
  checkMethods("count", count, "exact(), approximate() or hybrid()", "add", "count", "merge");
  checkPeriod(period);
  checkMethods("hash", hash, "saltedHash({ salt }) or one of your own", "hash");
  checkRotation(hash, period);
  const context: UniquesContext<Name> = {
    redis: port,
    namespace: namespaceOf("uniques", prefix),
    kind: count,
    scope: period ? `${count.name}:${encodeId(period.name)}` : count.name,
    ttl: checkLifetime("ttl", ttl),
    period,
    hash,
    requestTtl: checkDuration("requestTtl", requestTtl),
    lastWindow: undefined,
  };
  const uniques: Uniques<Name> = {
    counting: count.name,
    add: (id, members, call) => addMembers(context, id, members, call),
    count: (id, call) => countMembers(context, id, call),
  };
  return bindContext(uniques, context);
}

/** A salt that changes needs periods that it can change with. One period has one salt, so that it must not be longer than a salt may live. */
function checkRotation(hash: MemberHash | undefined, period: Period | undefined): void {
  if (hash?.rotate === undefined) return;
  checkDuration("hash.rotate", hash.rotate);
  if (!period) throw new OptionError("`hash` changes its salt: give createUniques a `period`, or leave `rotate` out");
  const { start, end } = period.at(0);
  if (end - start <= hash.rotate) return;
  throw new OptionError("`rotate` of saltedHash must be at least as long as a period");
}
