import type { Mode, Results, ResultsFile } from "../harness/results.ts";
import { method, subjects } from "./prose.ts";
import { tableText } from "./tables.ts";

/** The page of benchmarks, made of nothing but what is in the file of results. */
export function report(file: ResultsFile): string {
  const benches = file.benches.toSorted((a, b) => placeOf(a) - placeOf(b));
  return `${["# Benchmarks", ...method, warning(benches), ...benches.map(section)].filter(Boolean).join("\n\n")}\n`;
}

/** In the order of the subjects; what is none of them comes first, to be seen. */
function placeOf({ bench }: Results): number {
  return Object.keys(subjects).indexOf(bench);
}

function warning(benches: readonly Results[]): string {
  const quick = benches.filter(({ mode }) => mode === "quick").map(({ bench }) => bench);
  return quick.length > 0 ? `**Not to be quoted:** run in the quick mode: ${quick.join(", ")}.` : "";
}

function section(results: Results): string {
  const { title, sentence } = subjects[results.bench] ?? { title: results.bench, sentence: "" };
  return [`## ${title}`, sentence, origin(results), packages(results), ...results.tables.map(tableText)]
    .filter(Boolean)
    .join("\n\n");
}

function origin({ bench, mode, machine, tables }: Results): string {
  const days = unique(tables.map(({ at }) => at.slice(0, 10)));
  const commits = unique(tables.map(({ commit }) => commit));
  const { cpu, cores, system, node, redis } = machine;
  return [
    `\`npm run bench -- ${bench}${flagOf[mode]}\` on ${days.join(", ")} at commit ${commits.join(", ")};`,
    `${cpu}, ${cores} cores, ${system}; Node ${node}, Redis ${redis}.`,
  ].join(" ");
}

const flagOf: Readonly<Record<Mode, string>> = { quick: " --quick", full: "" };

/** The versions of those who are named in the tables. */
function packages({ machine, tables }: Results): string {
  const names = tables.flatMap(({ rows }) => rows.map(({ name }) => name.toLowerCase().split(/[ ,]+/))).flat();
  // A row says cachified, and verrou, where the packages are @epic-web/cachified and @verrou/core.
  const isNamed = (name: string) => [name, ...name.slice(1).split("/")].some((part) => names.includes(part));
  const taking = Object.entries(machine.packages).filter(([name]) => isNamed(name));
  return taking.length > 0 ? `Versions: ${taking.map(([name, version]) => `${name} ${version}`).join(", ")}.` : "";
}

function unique(texts: readonly string[]): readonly string[] {
  return [...new Set(texts)];
}
