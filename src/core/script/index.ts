export { flag, integer, integers, listOf, nullableText, nullableTexts, raw, text, texts } from "../port/reply.ts";
export type { Decode } from "../port/reply.ts";
export { defineScript } from "./define-script.ts";
export type { Script, ScriptDefinition, ScriptValues } from "./define-script.ts";
