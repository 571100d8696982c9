import { startBackgroundTimer } from "../../../time/timer.ts";
import type { Verdict } from "../verdict.ts";

/** Units of one id that were drawn and are not yet served. */
export interface Quota {
  readonly id: string;
  readonly group: string | undefined;
  left: number;
  /** Whether a call is drawing more. */
  drawing: boolean;
  /** When it last served or was filled, by the monotonic clock. */
  usedAt: number;
  /** When its oldest units have been held long enough. */
  expiresAt: number;
  /** What was left for everyone after the last draw. */
  remaining: number;
  resetAfter: number;
  timer?: ReturnType<typeof setTimeout>;
}

/** The quotas of one process. */
export interface Quotas {
  find(key: string): Quota | undefined;
  /** Adds units to a quota, and notes what the draw said. */
  add(key: string, id: string, group: string | undefined, units: number, drawn: Verdict): void;
  /** Gives everything back. */
  close(): Promise<void>;
}

/** Creates a place for quotas: they are kept until they are idle or have been held long enough, and what is left is given back then. */
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

/** How long until the quota ends, in milliseconds. */
function timeLeft(quota: Quota, idle: number): number {
  return Math.min(quota.expiresAt, quota.usedAt + idle) - performance.now();
}

/** A timer may fire a millisecond early. */
function isOver(quota: Quota, idle: number): boolean {
  return timeLeft(quota, idle) < 1;
}
