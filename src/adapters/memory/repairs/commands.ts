import type { Engine } from "../engine-types.ts";

type Definition = NonNullable<ReturnType<Engine["executor"]["getCommandDefinition"]>>;

/** Runs a command whose arguments are parsed. */
export type Execute = Definition["execute"];

/** Gives a command another way to run. The definitions are the engine's own. */
export function changeCommand({ executor }: Engine, name: string, make: (execute: Execute) => Execute): void {
  const definition = definitionOf(executor, name);
  Object.assign(definition, { execute: make(definition.execute) });
}

/** Gives a command another way to read its arguments. */
export function changeSchema({ executor }: Engine, name: string, schema: Definition["schema"]): void {
  Object.assign(definitionOf(executor, name), { schema });
}

/** Gives commands other arguments than those that were sent. */
export function changeArguments(
  { executor }: Engine,
  names: readonly string[],
  change: (args: readonly Buffer[]) => readonly Buffer[],
): void {
  const plan = executor.plan.bind(executor);
  executor.plan = (name, args) => plan(name, names.includes(String(name).toLowerCase()) ? change(args) : args);
}

/** Lets scripts run a command. */
export function allowInScripts({ executor }: Engine, name: string): void {
  const definition = definitionOf(executor, name);
  Object.assign(definition, { flags: definition.flags.filter((flag) => flag !== "noscript") });
}

function definitionOf(executor: Engine["executor"], name: string): Definition {
  const definition = executor.getCommandDefinition(name);
  if (!definition) throw new Error(`The engine has no ${name}`);
  return definition;
}
