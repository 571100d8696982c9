import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Mode } from "./results.ts";

export interface Options {
  readonly mode: Mode;
  /** The file that results are written to and the report is made of. */
  readonly json: string;
  /** Only tables whose title has this text. */
  readonly only: string;
  /** Another checkout of this repository, to be measured beside this one where a bench can. */
  readonly before: string | undefined;
}

const folder = join(import.meta.dirname, "..");

export function readOptions(args: readonly string[] = process.argv.slice(2)): Options {
  const text = { type: "string" } as const;
  const options = { quick: { type: "boolean", default: false }, json: text, only: text, before: text } as const;
  const { quick, json, only = "", before } = parseArgs({ args: [...args], options }).values;
  const mode = quick ? "quick" : "full";
  return { mode, json: json ?? join(folder, fileOf[mode]), only, before };
}

/** A quick run never takes the place of a full one. */
const fileOf = { full: "results.json", quick: "results.quick.json" } as const;
