import { existsSync, readFileSync, writeFileSync } from "node:fs";
import type { Results, ResultsFile, Table } from "./results.ts";

export function readResults(path: string): ResultsFile {
  return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as ResultsFile) : { benches: [] };
}

/** Puts tables in the place of those with the same titles; everything else in the file stays. */
export function saveResults(path: string, results: Results): void {
  const { benches } = readResults(path);
  const old = benches.find(({ bench }) => bench === results.bench);
  const merged = { ...results, tables: replace(old?.tables ?? [], results.tables, ({ title }: Table) => title) };
  const file: ResultsFile = { benches: replace(benches, [merged], ({ bench }) => bench) };
  writeFileSync(path, `${JSON.stringify(file, undefined, 1)}\n`);
}

function replace<T>(old: readonly T[], fresh: readonly T[], nameOf: (item: T) => string): T[] {
  const byName = new Map(fresh.map((item) => [nameOf(item), item]));
  const kept = old.map((item) => byName.get(nameOf(item)) ?? item);
  const names = new Set(old.map(nameOf));
  return [...kept, ...fresh.filter((item) => !names.has(nameOf(item)))];
}
