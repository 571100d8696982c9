import type { Contender, Instance, Load } from "./contender.ts";
import { type Effort, interleave } from "./interleave.ts";
import { currentCommit, lookAtMachine } from "./machine.ts";
import { type Options, readOptions } from "./options.ts";
import { print } from "./print.ts";
import type { Measured, Mode, Table, Told } from "./results.ts";
import { saveResults } from "./store.ts";

/** What a bench works with. */
export interface Bench extends Options {
  readonly effort: Effort;
  /** Measures, prints and keeps one table. */
  measure<I extends Instance>(plan: Plan<I>): Promise<void>;
  /** Prints and keeps what was seen, in words; the rows are only asked for if the table is wanted. */
  tell(title: string, look: () => Promise<Pick<Told, "columns" | "rows">>): Promise<void>;
}

export interface Plan<I extends Instance> {
  readonly title: string;
  readonly note?: string | undefined;
  readonly contenders: readonly Contender<I>[];
  readonly loads: readonly Load<I>[];
}

/** A median needs rounds more than long rounds; the warm-up is the same in both modes. */
const efforts: Readonly<Record<Mode, Effort>> = {
  quick: { rounds: 5, share: 0.2 },
  full: { rounds: 9, share: 1 },
};

/** Runs a bench, keeps what it finds, and ends the process, which rivals' clients would keep alive. */
export async function run(name: string, work: (bench: Bench) => Promise<void>): Promise<never> {
  const options = readOptions();
  const start = performance.now();
  const tables: Table[] = [];
  const keep = (table: Table) => {
    tables.push(table);
    print(table);
    // At once: what comes later may fail.
    saveResults(options.json, { bench: name, mode: options.mode, machine: lookAtMachine(), tables });
  };
  const isWanted = (title: string) => title.toLowerCase().includes(options.only.toLowerCase());
  const effort = efforts[options.mode];
  await work({
    ...options,
    effort,
    async measure(plan) {
      if (isWanted(plan.title)) keep(await measure(plan, effort));
    },
    async tell(title, look) {
      if (isWanted(title)) keep({ kind: "told", ...originOf(title), ...(await look()) });
    },
  });
  console.log(`\n${name}: ${Math.round((performance.now() - start) / 1_000)} s, written to ${options.json}`);
  process.exit(0);
}

async function measure<I extends Instance>(plan: Plan<I>, effort: Effort): Promise<Measured> {
  const { title, note, contenders, loads } = plan;
  const opened = await Promise.all(contenders.map(async ({ share, open }) => ({ share, instance: await open() })));
  const samples = await interleave(opened, loads, effort);
  for (const { instance } of opened) await instance.close();
  return {
    kind: "measured",
    ...originOf(title),
    note,
    columns: loads.flatMap(({ columns }) => columns),
    rows: contenders.map(({ name, role }, i) => ({ name, role, samples: samples[i] ?? [] })),
  };
}

function originOf(title: string): Pick<Table, "title" | "at" | "commit"> {
  return { title, at: new Date().toISOString(), commit: currentCommit() };
}
