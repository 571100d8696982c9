import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toBytes } from "../../src/gateway/bytes.ts";
import { parseCommands, parseCommand } from "../../src/gateway/json.ts";
import { sized } from "../support/long.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const words = (json: string) => parseCommand(bytes(json), "no");

/** What JSON.parse, which we trust, says about a body. */
function fitsCommand(json: string): boolean {
  try {
    const list: unknown = JSON.parse(json);
    return Array.isArray(list) && list.every((word) => typeof word !== "object");
  } catch {
    return false;
  }
}

function isRead(json: string): boolean {
  try {
    return words(json).length === (JSON.parse(json) as unknown[]).length;
  } catch {
    return false;
  }
}

const string = fc.oneof(
  fc.string(),
  fc.string({ unit: "binary" }),
  fc.constantFrom('"', "\\", '\\"', "[1,2]", "{}", "1e5"),
);
const numberText = fc.oneof(
  fc.integer().map(String),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => JSON.stringify(n)),
  fc.bigInt().map(String),
  fc.constantFrom("1e21", "-0", "1.0", "0.10", "1E+2", "9007199254740993", "1e999"),
);
const space = fc.constantFrom("", " ", "\n\t", "\r\n");

describe("the arguments of a JSON body", () => {
  it("are the strings that JSON.parse reads", () => {
    fc.assert(
      fc.property(fc.array(string), (list) => {
        const json = JSON.stringify(list);
        expect(words(json)).toEqual(JSON.parse(json));
      }),
    );
  });

  it("are numbers in the very text that was sent, between strings and spaces of any kind", () => {
    const item = fc.oneof(
      string.map((text) => ({ json: JSON.stringify(text), word: JSON.parse(JSON.stringify(text)) })),
      numberText.map((text) => ({ json: text, word: text })),
      fc.boolean().map((flag) => ({ json: String(flag), word: String(flag) })),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(item, space, space)), (items) => {
        const json = `[${items.map(([{ json }, before, after]) => before + json + after).join(",")}]`;
        expect(words(json)).toEqual(items.map(([{ word }]) => word));
        expect(parseCommands(bytes(`[${json},${json}]`), "no")).toHaveLength(2);
      }),
    );
  });

  it("become bytes, however the body writes what is not ASCII", () => {
    const escaped = (json: string) =>
      json.replaceAll(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
    fc.assert(
      fc.property(fc.array(fc.oneof(string, fc.constantFrom("é", "\u0080", "😀")), { minLength: 1 }), (list) => {
        // Half a character has no UTF-8 form.
        const json = JSON.stringify(list.map((word) => Buffer.from(word).toString()));
        const expected = (JSON.parse(json) as string[]).map((word) => Buffer.from(word).toString("latin1"));
        expect(parseCommand(bytes(json), "no", toBytes)).toEqual(expected);
        expect(parseCommand(bytes(escaped(json)), "no", toBytes)).toEqual(expected);
        expect(parseCommands(bytes(`[${json},["1",2]]`), "no", toBytes)).toEqual([expected, ["1", "2"]]);
      }),
    );
  });

  it.each([
    ["short", 1_000],
    ["long", 300_000],
  ])("are refused in lists that are too deep, in a %s body with and without numbers", (_, depth) => {
    for (const core of ['"a"', "1"]) {
      const body = bytes("[".repeat(depth) + core + "]".repeat(depth));
      expect(() => parseCommand(body, "no")).toThrow("no");
      expect(() => parseCommands(body, "no")).toThrow("no");
    }
  });

  it("are refused wherever JSON.parse refuses the body, or it holds what no command can", () => {
    const piece = fc.constantFrom(
      "[",
      "]",
      "{",
      "}",
      ",",
      ":",
      '"',
      "\\",
      "1",
      "0",
      "-",
      ".",
      "e",
      "+",
      "true",
      "null",
      " ",
      "a",
    );
    let accepted = 0;
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const json = `[${pieces.join("")}]`;
        const fits = fitsCommand(json);
        accepted += fits ? 1 : 0;
        expect(isRead(json)).toBe(fits);
      }),
      { numRuns: sized(20_000, 4_000) },
    );
    expect(accepted).toBeGreaterThan(100);
  });

  it.each([
    ["open lists", "["],
    ["quotes", '"'],
    ["escaped quotes", '\\"'],
    ["backslashes", "\\"],
    ["digits", "1"],
    ["minus signs", "-"],
    ["objects", '{"a":'],
    ["empty commands", "[],"],
  ])("take linear time even for millions of characters of %s", (_, piece) => {
    const millions = sized(10, 2);
    const body = bytes(`["a","${piece.repeat((millions * 1_000_000) / piece.length)}`);
    // The time of the processor and not of the clock: on a busy machine this took four times as long by the clock.
    const before = process.cpuUsage();
    expect(() => parseCommands(body, "no")).toThrow("no");
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1_000).toBeLessThan(millions * 1_500);
  });
});
