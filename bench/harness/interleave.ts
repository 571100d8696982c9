import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Instance, Load } from "./contender.ts";

/** How often, and how much of a load at a time. */
export interface Effort {
  readonly rounds: number;
  /** The share of a load's calls that a measured run makes. */
  readonly share: number;
}

/** Somebody who takes part, opened. */
interface Taking<I> {
  readonly instance: I;
  readonly share?: number | undefined;
}

/**
 * Runs all loads on all instances, in rounds: a noisy minute hits all alike. Everything runs once in full before the first round, so
 * that scripts are known, connections open, and code compiled. Gives, for each instance, each column's figures.
 */
export async function interleave<I extends Instance>(
  contenders: readonly Taking<I>[],
  loads: readonly Load<I>[],
  { rounds, share }: Effort,
): Promise<readonly (readonly (readonly number[])[])[]> {
  const lanes = contenders.map((one) => ({
    ...one,
    samples: loads.map(({ columns }) => columns.map((): number[] => [])),
  }));
  for (const load of loads) for (const one of lanes) await runOnce(load, one, 1, -1);
  for (let round = 0; round < rounds; round += 1) {
    for (const [nth, load] of loads.entries()) {
      for (const one of inTurn(lanes, round)) {
        const figures = await runOnce(load, one, share, round);
        figures?.forEach((figure, column) => one.samples[nth]?.[column]?.push(figure));
      }
    }
  }
  return lanes.map(({ samples }) => samples.flat());
}

/** Each round begins with another one, and every second goes backwards: nobody always follows the same one. */
export function inTurn<T>(all: readonly T[], round: number): readonly T[] {
  const first = round % all.length;
  const turned = [...all.slice(first), ...all.slice(0, first)];
  return round % 2 === 0 ? turned : turned.toReversed();
}

async function runOnce<I extends Instance>(
  load: Load<I>,
  { instance, share: own = 1 }: Taking<I>,
  share: number,
  round: number,
) {
  await load.prepare?.();
  // Nobody sweeps the garbage of the one before.
  collectGarbage();
  return load.run(instance, Math.ceil(load.calls * share * own), round);
}

setFlagsFromString("--expose-gc");
const collectGarbage: () => void = runInNewContext("gc");
