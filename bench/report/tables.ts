import { type Cell, cellOf, numeral, ratioText, spreadText } from "../harness/figures.ts";
import type { Column, Measured, Row, Table, Told } from "../harness/results.ts";
import { markdownTable } from "./markdown.ts";

/** A table of results in Markdown, with its title. */
export function tableText(table: Table): string {
  const { title, note } = table;
  const body = table.kind === "told" ? [toldText(table)] : measuredText(table);
  return [`### ${title}`, ...(note ? [note] : []), ...body].join("\n\n");
}

function toldText({ columns, rows }: Told): string {
  return markdownTable(
    ["", ...columns],
    rows.map(({ name, cells }) => [name, ...cells]),
  );
}

/** First what is compared, each unit by itself; then what is beside the point. */
function measuredText(table: Measured): string[] {
  const compared = table.columns.filter(({ better }) => better !== undefined);
  const asides = table.columns.filter(({ better }) => better === undefined);
  const units = [...new Set(compared.map(({ unit }) => unit))];
  const ofUnit = (unit: string) => compared.filter((column) => column.unit === unit);
  return [
    ...units.map((unit) => comparison(table, unit, ofUnit(unit))),
    ...noise(table, compared),
    ...(asides.length > 0 ? [medians(table, asides)] : []),
  ];
}

function comparison(table: Measured, unit: string, columns: readonly Column[]): string {
  const head = [unit, ...columns.flatMap(({ name }) => [name, "to ours"])];
  const rows = table.rows.map((row) => [row.name, ...columns.flatMap((column) => comparedCells(table, row, column))]);
  return markdownTable(head, rows);
}

function comparedCells(table: Measured, row: Row, column: Column): [figure: string, ratio: string] {
  const cell = cellOf(table, row, column);
  return cell ? [spreadText(cell.figure), row.role === "ours" ? "1" : ratioCell(cell)] : ["-", "-"];
}

/** `1.08x (1.05x to 1.10x), ours 0.93x`: what it does if ours is 1, and what ours does if it is 1. */
function ratioCell({ toOurs, oursToIt }: Cell): string {
  return toOurs && oursToIt ? `${spreadText(toOurs, ratioText)}, ours ${ratioText(oursToIt.middle)}` : "-";
}

function medians(table: Measured, columns: readonly Column[]): string {
  const cell = (row: Row, column: Column) => {
    const found = cellOf(table, row, column);
    return found ? numeral(found.figure.middle) : "-";
  };
  return markdownTable(
    ["medians", ...columns.map(({ name, unit }) => `${name}, ${unit}`)],
    table.rows.map((row) => [row.name, ...columns.map((column) => cell(row, column))]),
  );
}

/** How far two runs of the same lie apart: a ratio nearer to 1 than that says nothing. */
function noise(table: Measured, columns: readonly Column[]): string[] {
  const control = table.rows.find(({ role }) => role === "control");
  if (!control) return [];
  const parts = columns.flatMap((column) => {
    const spread = cellOf(table, control, column)?.toOurs;
    return spread ? [`${ratioText(spread.low)} to ${ratioText(spread.high)} (${column.name}, ${column.unit})`] : [];
  });
  return [`Noise, ours to itself: ${parts.join("; ")}.`];
}
