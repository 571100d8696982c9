/** A Markdown table whose columns are as wide as their widest cell, which is how the formatter leaves it. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, ...rows].map((cells) => head.map((_, i) => (cells[i] ?? "").replaceAll("|", "\\|")));
  const widths = head.map((_, i) => Math.max(3, ...lines.map((cells) => cells[i]?.length ?? 0)));
  const line = (cells: readonly string[], fill: string) =>
    `| ${widths.map((width, i) => (cells[i] ?? "").padEnd(width, fill)).join(" | ")} |`;
  const [first = [], ...others] = lines;
  return [line(first, " "), line([], "-"), ...others.map((cells) => line(cells, " "))].join("\n");
}
