import { cellOf, numeral, ratioText, spreadText } from "./figures.ts";
import type { Column, Measured, Row, Table, Told } from "./results.ts";

/** Shows a table on the console: one for each of its loads, since a line has no room for all. */
export function print(table: Table): void {
  console.log(`\n${table.title}${table.note ? `\n${table.note}` : ""}`);
  if (table.kind === "told") return console.table(toldCells(table));
  for (const name of new Set(table.columns.map((column) => column.name))) {
    console.log(name);
    console.table(measuredCells(table, name));
  }
}

function toldCells({ columns, rows }: Told) {
  return Object.fromEntries(
    rows.map(({ name, cells }) => [name, Object.fromEntries(columns.map((column, i) => [column, cells[i] ?? "-"]))]),
  );
}

function measuredCells(table: Measured, load: string) {
  const columns = table.columns.filter(({ name }) => name === load);
  const cells = (row: Row) => Object.fromEntries(columns.flatMap((column) => cellsOf(table, row, column)));
  return Object.fromEntries(table.rows.map((row) => [row.name, cells(row)]));
}

function cellsOf(table: Measured, row: Row, column: Column): [string, string][] {
  const { unit, better } = column;
  const cell = cellOf(table, row, column);
  if (better === undefined) return [[unit, cell ? numeral(cell.figure.middle) : "-"]];
  const { toOurs, oursToIt } = cell ?? {};
  return [
    [unit, cell ? spreadText(cell.figure) : "-"],
    [`${unit} to ours`, toOurs ? spreadText(toOurs, ratioText) : "-"],
    [`ours to it, ${unit}`, oursToIt ? ratioText(oursToIt.middle) : "-"],
  ];
}
