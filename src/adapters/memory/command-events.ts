import type { Engine } from "./engine-types.ts";

/** A command that the engine has run for a client. */
export interface MemoryCommand {
  /** Its name in capitals. */
  readonly command: string;
  readonly keys: readonly string[];
  /** How long it took, in milliseconds. One that waits for something, such as BLPOP, takes that long. */
  readonly duration: number;
  /** What it was refused with, such as `WRONGTYPE Operation against a key holding the wrong kind of value`. */
  readonly error?: string | undefined;
}

/** Tells of each command that comes from outside, not of those of scripts. */
export function tellCommands({ executor }: Engine, onCommand: (event: MemoryCommand) => void): void {
  const tell = (event: MemoryCommand) => {
    try {
      onCommand(event);
    } catch {
      // The command has run. `onCommand` promises that its errors are ignored.
    }
  };
  executor.executeRaw = async (name, args, context) => {
    const start = performance.now();
    const { plan, result } = await executor.executeRawWithPlan(name, args, context);
    const duration = performance.now() - start;
    const value = "value" in result ? result.value : undefined;
    const error = value?.kind === "error" ? [value.code, value.message].filter(Boolean).join(" ") : undefined;
    const command = String(name).toUpperCase();
    tell({ command, keys: plan?.keys.map(String) ?? [], duration, error });
    return result;
  };
}
