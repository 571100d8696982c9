import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { OptionError } from "../../src/core/errors.ts";
import { encodeJson } from "../../src/core/data/json.ts";

class Money {
  constructor(readonly cents: number) {}
}

const carried: readonly (readonly [name: string, value: unknown])[] = [
  ["a text", "text"],
  ["half of a pair", "\ud83d"],
  ["nothing", null],
  ["numbers", [0, -1.5, Number.MAX_SAFE_INTEGER]],
  ["objects in objects", { a: { b: [{ c: true }] } }],
  ["a property without a value", { a: undefined }],
  ["a hidden mark of a library", Object.defineProperty({ a: 1 }, Symbol("mark"), { value: 1 })],
  ["an object without a prototype", Object.assign(Object.create(null), { a: 1 })],
  ["an object of another realm", runInNewContext("({ a: [1, { b: null }] })")],
  ["a property of an odd name", JSON.parse('{"__proto__":1,"constructor":2,"":3}')],
  ["one object in two places", [[1], [1]].map((_, __, all) => all[0])],
];

const lost: readonly (readonly [path: string, value: unknown])[] = [
  ["`value` is undefined", undefined],
  ["`value` is of type Date", new Date()],
  ["`value.at` is of type Date", { at: new Date() }],
  ["`value.cart[1].addedAt` is of type Date", { cart: [{}, { addedAt: new Date() }] }],
  ["`value.a` is of type Map", { a: new Map() }],
  ["`value[0]` is of type Set", [new Set()]],
  ["`value.bytes` is of type Uint8Array", { bytes: new Uint8Array(2) }],
  ["`value.bytes` is of type Buffer", { bytes: Buffer.from("a") }],
  ["`value.bytes` is of type ArrayBuffer", { bytes: new ArrayBuffer(2) }],
  ["`value.price` is of type Money", { price: new Money(1) }],
  ["`value.url` is of type URL", { url: new URL("https://example.com") }],
  ["`value.pattern` is of type RegExp", { pattern: /a/ }],
  ["`value.error` is of type Error", { error: new Error("a") }],
  ["`value.reply` is of type Response", { reply: new Response("a") }],
  ["`value.n` is of type bigint", { n: 1n }],
  ["`value.call` is of type function", { call: () => {} }],
  ["`value.mark` is of type symbol", { mark: Symbol("a") }],
  ["`value.n` is NaN", { n: Number.NaN }],
  ["`value.n` is -Infinity", { n: -Infinity }],
  ["`value[1]` is undefined", [1, undefined]],
  // oxlint-disable-next-line no-sparse-arrays -- a hole is what is tested
  ["`value[1]` is undefined", [1, , 2]],
  ["`value.boxed` is of type String", { boxed: Object("a") }],
  ["`value.an odd name.x` is of type Date", { "an odd name": { x: new Date() } }],
  ["`value` has a property whose name is a symbol", { [Symbol("x")]: 1, a: 1 }],
  ["`value.list[0]` has a property whose name is a symbol", { list: [{ [Symbol.toStringTag]: "x" }] }],
  ["`value.own` is of type Object", { own: { toJSON: () => 1 } }],
];

describe("JSON that gives a value back as it was", () => {
  it.each(carried)("carries %s", (_, value) => {
    expect(encodeJson(value, "value", "change it")).toBe(JSON.stringify(value));
  });

  it.each(lost)("carries none of what it changes: %s", (found, value) => {
    const message = `${found}, which JSON does not give back as it was; change it`;
    expect(() => encodeJson(value, "value", "change it")).toThrow(new OptionError(message));
  });

  it("tells in bounded words", () => {
    let deep: unknown = { at: new Date() };
    for (let i = 0; i < 1_000; i += 1) deep = { ["k".repeat(100)]: deep };
    expect(() => encodeJson(deep, "value", "change it")).toThrow(/^.{1,400}$/);
  });

  it("has no cycles, and no depth beyond that of JSON", () => {
    const cycle: { self?: unknown } = {};
    cycle.self = cycle;
    let deep: unknown = 1;
    for (let i = 0; i < 100_000; i += 1) deep = [deep];
    for (const value of [cycle, deep]) {
      expect(() => encodeJson(value, "value", "change it")).toThrow(
        /`value` contains itself or is too deep.*change it/,
      );
    }
  });
});
