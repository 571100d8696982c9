import { checkDuration } from "../../check.ts";
import { LockLostError } from "./errors.ts";
import type { SendOptions } from "../../port/redis.ts";
import type { Claim } from "./lockable.ts";
import { leastTtl, validity } from "./grant.ts";
import { readHandOff } from "./hand-off.ts";
import { type Lease, startLease, type Surroundings } from "./lease.ts";

/** Goes on with a lease by extending it, which only the holder of the token can. */
export async function resumeLease(
  claimOf: (name: string) => Claim,
  serialized: string,
  around: Surroundings,
  options: SendOptions & { readonly ttl?: number | undefined },
): Promise<Lease> {
  const { name, token, fence, ttl: before } = readHandOff(serialized);
  const ttl = checkDuration("ttl", options.ttl ?? before, leastTtl);
  const claim = claimOf(name);
  const deadline = performance.now() + validity(ttl);
  const extended = await claim.extend(token, ttl, { signal: options.signal, idempotent: true });
  if (!extended || deadline <= performance.now()) throw new LockLostError(name);
  return startLease(claim, { token, fence, ttl, deadline }, around);
}
