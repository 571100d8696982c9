export type { Waiter, Wake } from "./acquire.ts";
export type { Claim } from "./claim.ts";
export type { AcquireOptions, HolderOptions, InspectOptions, Locks, LockState, TryOptions } from "./holder.ts";
export type { LockKeys, LockNaming } from "./keys.ts";
export type { ExtendOptions, Lease, ReleaseOptions, Watchdog } from "./lease.ts";
export { createLock } from "./lock.ts";
export type { LockOptions } from "./lock.ts";
