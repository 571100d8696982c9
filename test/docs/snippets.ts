import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";

/** A piece of TypeScript that a reader is told to write. */
export interface Snippet {
  /** Where it stands: `README.md:12`. */
  readonly where: string;
  readonly code: string;
}

const root = join(import.meta.dirname, "../..");

/** Every `ts` block of the README and of docs/, and every `@example` of the sources. */
export function snippets(): Snippet[] {
  const pages = ["README.md", ...filesOf("docs", ".md")].flatMap((file) => found(file, /^```ts\n([\s\S]*?)^```/gm));
  const examples = filesOf("src", ".ts").flatMap((file) =>
    found(file, /^ *\* @example\n((?: *\*(?!\/| @).*\n)+)/gm).map(({ where, code }) => ({
      where,
      code: code.replace(/^ *\* ?/gm, ""),
    })),
  );
  return [...pages, ...examples];
}

function filesOf(folder: string, ending: string): string[] {
  const names = readdirSync(join(root, folder), { recursive: true, encoding: "utf8" });
  return names.filter((name) => name.endsWith(ending)).map((name) => join(folder, name));
}

function found(file: string, pattern: RegExp): Snippet[] {
  const path = join(root, file);
  const text = readFileSync(path, "utf8");
  return [...text.matchAll(pattern)].map((match) => ({
    where: `${relative(root, path)}:${text.slice(0, match.index).split("\n").length}`,
    code: match[1] ?? "",
  }));
}
