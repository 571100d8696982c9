import { unchecked } from "../core/unchecked.ts";

/** The part of Node's globals that leads to its modules. */
interface NodeGlobals {
  readonly process?: { getBuiltinModule?(name: string): unknown };
}

/** Finds a module of Node without an import, which a Worker could not load. */
export function nodeModule(name: string): unknown {
  return unchecked<NodeGlobals>(globalThis).process?.getBuiltinModule?.(name);
}
