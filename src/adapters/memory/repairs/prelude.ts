import { createHash } from "node:crypto";
import { unchecked } from "../../../core/unchecked.ts";
import { prelude, preludeOfFormats } from "./prelude.lua.ts";

/** On one line with the script's first, and with a name of its own, so that no line of it is one of the script. */
const before = chunkOf(prelude);
const beforeFormats = chunkOf(prelude + preludeOfFormats);
const after = Buffer.from("\nend)");
const header = Buffer.from("#!lua");

/** Puts the prelude around a script, in place of a header such as `#!lua`. No line gets another number. */
export function addPrelude(script: Buffer): Buffer {
  const hasHeader = script.subarray(0, header.length).equals(header);
  const end = script.indexOf("\n");
  const body = hasHeader ? script.subarray(end < 0 ? script.length : end) : script;
  return Buffer.concat([/%[-+#0-9.]*[diuxXo]/.test(body.toString("latin1")) ? beforeFormats : before, body, after]);
}

function chunkOf(lua: string): Buffer {
  const text = `${lua} return redis, run, string`.trim().replaceAll(/\s+/g, " ");
  const chunk = `loadstring([==[${text}]==], "=prelude")()`;
  return Buffer.from(`local redis, run, string = ${chunk} return run(function(...) `);
}

/** An error of a script, as the engine writes it out. */
interface ScriptError {
  readonly err: Buffer;
  readonly code?: Buffer;
  readonly meta?: { readonly line: number; readonly sha: string; readonly kind?: string; readonly name?: string };
}

/** What a script raised, with its line and the digest of the script as it was sent. */
export function readError<T>(script: Buffer, reply: T): T | ScriptError {
  if (typeof reply !== "object" || reply === null || !("err" in reply)) return reply;
  const error = unchecked<ScriptError>(reply);
  const sha = createHash("sha1").update(script).digest("hex");
  if (error.meta?.kind === undefined && /^user_script:\d+: /.test(error.err.toString()))
    return compileError(script, error);
  if (error.meta) return { ...error, meta: { ...error.meta, sha } };
  const [, line, raised = ""] = /^<line (\d+)>(.*)$/s.exec(textOf(error)) ?? [];
  if (line === undefined) return reply;
  const [, kind, name] = /__RLUA_E__:([^:]*):?(.*)/s.exec(raised) ?? [];
  const [, code, text = raised] = /^([A-Z][A-Z0-9_]*) (.*)$/s.exec(raised) ?? [];
  return {
    err: Buffer.from(text),
    ...(code !== undefined && { code: Buffer.from(code) }),
    meta: { line: Number(line), sha, ...(kind !== undefined && { kind }), ...(name !== undefined && { name }) },
  };
}

/** A script that is no Lua never ran. Behind its last line it ends, for all that the prelude adds. */
function compileError(script: Buffer, { err, code }: ScriptError): ScriptError {
  const lines = script.toString().split("\n").length;
  const text = err
    .toString()
    .replace(/^user_script:(\d+): /, (_, line) => `user_script:${Math.min(Number(line), lines)}: `);
  const isBehind = Number(/\d+/.exec(err.toString())?.[0]) > lines;
  const found = isBehind ? text.replace(/near '[^']*'$/, "near '<eof>'") : text;
  return { err: Buffer.from(`Error compiling script (new function): ${found}`), ...(code && { code }) };
}

/** The engine takes the first word of an error for its code. */
function textOf({ err, code }: ScriptError): string {
  return code && !err.includes("<line ") ? `${code.toString()} ${err.toString()}` : err.toString();
}
