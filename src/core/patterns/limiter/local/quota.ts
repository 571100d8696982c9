import { startBackgroundTimer } from "../../../time/timer.ts";
import type { Verdict } from "../verdict.ts";

/** Units of one id that were drawn and not yet served. */
export interface Stock {
  readonly id: string;
  readonly group: string | undefined;
  left: number;
  /** Whether a call is drawing more. */
  drawing: boolean;
  /** When it last served or was filled, by the monotonic clock. */
  usedAt: number;
  /** When its oldest units have been held long enough. */
  diesAt: number;
  /** What was left for everyone after the last draw. */
  remaining: number;
  resetAfter: number;
  timer?: ReturnType<typeof setTimeout>;
}

/** The stocks of one process. */
export interface Stocks {
  find(key: string): Stock | undefined;
  /** Puts units into a stock, and notes what the draw said. */
  add(key: string, id: string, group: string | undefined, units: number, drawn: Verdict): void;
  /** Gives everything back. */
  close(): Promise<void>;
}

/** Keeps stocks until they are idle or have been held long enough, and then gives back what is left. */
export function createStocks(hold: number, idle: number, giveBack: (stock: Stock) => Promise<void>): Stocks {
  const stocks = new Map<string, Stock>();

  async function end(key: string, stock: Stock): Promise<void> {
    clearTimeout(stock.timer);
    stocks.delete(key);
    if (stock.left > 0) await giveBack(stock);
  }

  // A timer must not keep a process alive: giving back at its end is what `close` is for.
  function arm(key: string, stock: Stock): void {
    const endOrRearm = () => (isOver(stock, idle) ? void end(key, stock) : arm(key, stock));
    stock.timer = startBackgroundTimer(endOrRearm, due(stock, idle));
  }

  return {
    find(key) {
      const stock = stocks.get(key);
      if (!stock || performance.now() < stock.diesAt) return stock;
      void end(key, stock);
      return undefined;
    },
    add(key, id, group, units, { remaining, resetAfter }) {
      const now = performance.now();
      const old = stocks.get(key);
      const stock = old ?? { id, group, left: 0, drawing: false, diesAt: 0, usedAt: now, remaining, resetAfter };
      if (stock.left === 0) stock.diesAt = now + hold;
      Object.assign(stock, { left: stock.left + units, usedAt: now, remaining, resetAfter });
      stocks.set(key, stock);
      if (!old) arm(key, stock);
    },
    async close() {
      await Promise.all([...stocks].map(([key, stock]) => end(key, stock)));
    },
  };
}

/** How long until the stock ends, in milliseconds. */
function due(stock: Stock, idle: number): number {
  return Math.min(stock.diesAt, stock.usedAt + idle) - performance.now();
}

/** A timer may fire a millisecond early. */
function isOver(stock: Stock, idle: number): boolean {
  return due(stock, idle) < 1;
}
