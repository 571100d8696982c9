import { startBackgroundTimer } from "../../../time/timer.ts";
import type { Verdict } from "../verdict.ts";

/** Units of one id that were drawn and are not yet served. */
export interface Quota {
  readonly id: string;
  readonly group: string | undefined;
  left: number;
  /** True while a call is drawing more. */
  drawing: boolean;
  /** The time of the last call, by the monotonic clock. */
  usedAt: number;
  /** The time at which its oldest units have been held long enough. */
  expiresAt: number;
  /** The units that were left for everyone after the last draw. */
  remaining: number;
  resetAfter: number;
  timer?: ReturnType<typeof setTimeout>;
}

/** The quotas of one process, by key. */
export interface Quotas {
  find(key: string): Quota | undefined;
  /** Adds drawn units to a quota, with what the verdict said of the rest. */
  add(key: string, id: string, group: string | undefined, units: number, drawn: Verdict): void;
  /** Ends all quotas and gives their units back. */
  close(): Promise<void>;
}

/** Creates the quotas of a process. One ends when it is idle or was held long enough; what is left of it is given back. */
export function createQuotas(hold: number, idle: number, giveBack: (quota: Quota) => Promise<void>): Quotas {
  const quotas = new Map<string, Quota>();

  async function end(key: string, quota: Quota): Promise<void> {
    clearTimeout(quota.timer);
    quotas.delete(key);
    if (quota.left > 0) await giveBack(quota);
  }

  // A timer must not keep a process alive: giving back at its end is what `close` is for.
  function arm(key: string, quota: Quota): void {
    const endOrRearm = () => (isOver(quota, idle) ? void end(key, quota) : arm(key, quota));
    quota.timer = startBackgroundTimer(endOrRearm, timeLeft(quota, idle));
  }

  return {
    find(key) {
      const quota = quotas.get(key);
      if (!quota || performance.now() < quota.expiresAt) return quota;
      void end(key, quota);
      return undefined;
    },
    add(key, id, group, units, { remaining, resetAfter }) {
      const now = performance.now();
      const old = quotas.get(key);
      const quota = old ?? { id, group, left: 0, drawing: false, expiresAt: 0, usedAt: now, remaining, resetAfter };
      if (quota.left === 0) quota.expiresAt = now + hold;
      Object.assign(quota, { left: quota.left + units, usedAt: now, remaining, resetAfter });
      quotas.set(key, quota);
      if (!old) arm(key, quota);
    },
    async close() {
      await Promise.all([...quotas].map(([key, quota]) => end(key, quota)));
    },
  };
}

/** The time until the quota ends, in milliseconds. */
function timeLeft(quota: Quota, idle: number): number {
  return Math.min(quota.expiresAt, quota.usedAt + idle) - performance.now();
}

/** A timer may fire a millisecond early. */
function isOver(quota: Quota, idle: number): boolean {
  return timeLeft(quota, idle) < 1;
}
