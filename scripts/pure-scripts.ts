import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { build, type Plugin } from "esbuild";
import ts from "typescript";

/** A script at the top level of its module, such as `export const release = defineScript({`. */
const call = /^((?:export )?const \w+(?:: .+)? =\s+)defineScript\(/gm;

/** Longer texts, such as the first lines of a family of scripts, are cheaper shared than written out in each script. */
const longest = 60;

/** Lua without what only its readers need: indentation, empty lines and lines of comment. */
export function stripLua(source: string): string {
  return source.replaceAll(/^[ \t]*(?:--.*)?\n/gm, "").replaceAll(/^[ \t]+/gm, "");
}

/** Writes out the fragments that scripts are put together from, so that a bundle has neither them nor the functions that give them. */
async function writeOut(path: string, source: string): Promise<string> {
  const spans = spansOf(source);
  if (spans.length === 0) return source;
  const values = await evaluate(path, source, spans);
  return spans.reduceRight((text, { start, end, isName }, i) => {
    const value = String(values[i] ?? "");
    if (isName && value.length > longest) return text;
    return text.slice(0, start) + value.replaceAll(/[\\`$]/g, "\\$&") + text.slice(end);
  }, source);
}

/** A `${…}` in the Lua of a script. */
interface Span {
  readonly start: number;
  readonly end: number;
  readonly expression: string;
  readonly isName: boolean;
}

function spansOf(source: string): Span[] {
  const file = ts.createSourceFile("scripts.lua.ts", source, ts.ScriptTarget.Latest, true);
  const declarations = file.statements
    .filter(ts.isVariableStatement)
    .flatMap(({ declarationList }) => [...declarationList.declarations]);
  return declarations.flatMap(({ initializer }) =>
    (initializer ? luaOf(initializer) : []).map((span) => ({
      start: span.getStart() - "${".length,
      end: span.literal.getStart() + "}".length,
      expression: span.expression.getText(),
      isName: ts.isIdentifier(span.expression),
    })),
  );
}

function luaOf(initializer: ts.Expression): readonly ts.TemplateSpan[] {
  if (!ts.isCallExpression(initializer) || initializer.expression.getText() !== "defineScript") return [];
  const [definition] = initializer.arguments;
  if (!definition || !ts.isObjectLiteralExpression(definition)) return [];
  const lua = definition.properties.filter(ts.isPropertyAssignment).find(({ name }) => name.getText() === "lua");
  return lua && ts.isTemplateExpression(lua.initializer) ? lua.initializer.templateSpans : [];
}

/** The values of expressions in the scope of a module. */
async function evaluate(path: string, source: string, spans: readonly Span[]): Promise<readonly (string | number)[]> {
  const contents = `${source}\nexport const spans = [${spans.map(({ expression }) => expression).join()}];`;
  const stdin = { contents, resolveDir: dirname(path), loader: "ts" } as const;
  const { outputFiles } = await build({ stdin, bundle: true, format: "esm", platform: "neutral", write: false });
  const made = await import(
    `data:text/javascript;base64,${Buffer.from(outputFiles[0]?.text ?? "").toString("base64")}`
  );
  return made.spans;
}

/**
 * Marks every `defineScript` call as free of side effects, so that a bundle keeps only the scripts that it runs. The Lua in `*.lua.ts` is
 * written out and stripped, so that it may be written to be read.
 */
export const pureScripts: Plugin = {
  name: "pure-scripts",
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]src[\\/]core[\\/].*\.ts$/ }, async ({ path }) => {
      const source = await readFile(path, "utf8");
      const lean = path.endsWith(".lua.ts") ? stripLua(await writeOut(path, source)) : source;
      return { loader: "ts", contents: lean.replaceAll(call, "$1/* @__PURE__ */ defineScript(") };
    });
  },
};
