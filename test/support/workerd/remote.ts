import type { Miniflare } from "miniflare";
import type { Places } from "./rows.ts";
import type { CollectedSuite } from "./vitest.ts";
import type { Order, Outcome } from "./worker.ts";

/** What a Worker tells about itself and its tests. */
export interface Inventory {
  readonly suite: CollectedSuite;
  readonly process: string;
  readonly Buffer: string;
}

/** Asks which tests there are. */
export function takeInventory(worker: Miniflare): Promise<Inventory> {
  return ask(worker, {});
}

/** Runs one test or hook inside the Worker, and fails as it fails. */
export async function runInside(worker: Miniflare, step: number, places?: Places): Promise<void> {
  const { failure } = await ask<Outcome>(worker, places ? { step, places } : { step });
  if (failure) throw Object.assign(new Error(failure.message), failure);
}

async function ask<T>(worker: Miniflare, order: Order): Promise<T> {
  const response = await worker.dispatchFetch("http://worker/", { method: "POST", body: JSON.stringify(order) });
  if (!response.ok) throw new Error(`The Worker answered ${response.status}: ${await response.text()}`);
  return (await response.json()) as T;
}
