import { persist } from "../../wait/persist.ts";
import type { LimitAlgorithm } from "./algorithm.ts";
import type { LimiterContext } from "./context.ts";
import { report, runDecision } from "./decide.ts";

/** A call of which nobody may know whether it was counted. */
export interface UnsureCall {
  readonly context: LimiterContext;
  readonly id: string;
  readonly key: string;
  readonly algorithm: LimitAlgorithm;
  readonly cost: number;
  /** The id that the call was counted under. */
  readonly callId: string;
}

/**
 * Gives back what the call took, if it is the newest that was counted. What later calls rest on, or what had no id, is free again with
 * time. It never rejects.
 * @param most The time for which it is tried while Redis is out of reach, in milliseconds.
 */
export async function undoCall(
  { context, id, key, algorithm, cost, callId }: UnsureCall,
  most = 10_000,
): Promise<void> {
  if (callId === "") return;
  try {
    await persist(() => runDecision(context, key, { algorithm }, [-cost, 0, -1], callId), most);
  } catch (error) {
    report(context, id, { type: "failed", error });
  }
}
