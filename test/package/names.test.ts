import { readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { describe, expect, it } from "vitest";
import { entries } from "../../scripts/entries.ts";
import { root } from "./packed.ts";

const listed: Record<string, string[]> = JSON.parse(readFileSync(join(root, "test/package/names.json"), "utf8"));

/** The public names of every entry, those that exist for the compiler alone behind the word `type`. */
function publicNames(): Record<string, string[]> {
  const files = Object.entries(entries).map(([name, file]) => ({ name, path: join(root, file) }));
  const program = ts.createProgram(
    files.map(({ path }) => path),
    {
      module: ts.ModuleKind.NodeNext,
      allowImportingTsExtensions: true,
      noEmit: true,
      skipLibCheck: true,
      types: ["node"],
    },
  );
  const checker = program.getTypeChecker();
  return Object.fromEntries(
    files.map(({ name, path }) => {
      const source = program.getSourceFile(path);
      const symbol = source && checker.getSymbolAtLocation(source);
      const names = symbol ? checker.getExportsOfModule(symbol).map((exported) => shown(checker, exported)) : [];
      return [name, names.toSorted()];
    }),
  );
}

function shown(checker: ts.TypeChecker, symbol: ts.Symbol): string {
  const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  return target.flags & ts.SymbolFlags.Value ? symbol.name : `type ${symbol.name}`;
}

describe("the public names", () => {
  const found = publicNames();

  it.each(Object.keys(entries))("of `%s` are the listed ones", (name) => {
    expect(found[name]?.length).toBeGreaterThan(0);
    expect(found[name]).toEqual(listed[name]);
  });

  it("are listed for entries that exist", () => {
    expect(Object.keys(listed).toSorted()).toEqual(Object.keys(entries).toSorted());
  });
});
