import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createEventReader, type ServerEvent } from "../../src/adapters/rest/event-stream.ts";
import { readFrame } from "../../src/adapters/rest/frame.ts";
import type { Channel, Word } from "../../src/adapters/rest/channels.ts";

/** What a reader makes of a text that comes in these pieces. */
function read(text: string, cuts: readonly number[] = [], maxBytes = 1_000): ServerEvent[] {
  const events: ServerEvent[] = [];
  const push = createEventReader(maxBytes, (event) => events.push(event));
  const bytes = new TextEncoder().encode(text);
  const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1))), bytes.length].toSorted((a, b) => a - b);
  let from = 0;
  for (const place of places) {
    push(bytes.subarray(from, place));
    from = place;
  }
  return events;
}
const dataOf = (events: readonly ServerEvent[]) => events.map(({ data }) => data);

describe("an event stream", () => {
  it("may be cut anywhere, also inside of a character and between two bytes of a line's end", () => {
    const line = fc.string({ unit: "grapheme", maxLength: 12 }).map((text) => text.replaceAll(/[\r\n]/g, "ü"));
    const message = fc.array(line, { minLength: 1, maxLength: 3 });
    const stream = fc.array(fc.oneof(message, fc.constant(null)), { maxLength: 8 });
    const ending = fc.constantFrom("\n", "\r\n");
    fc.assert(
      fc.property(stream, ending, fc.array(fc.nat(), { maxLength: 30 }), (items, end, cuts) => {
        const event = (lines: readonly string[]) => lines.map((text) => `data: ${text}${end}`).join("") + end;
        const text = items.map((item) => (item ? event(item) : `: comment${end}${end}`)).join("");
        expect(dataOf(read(text, cuts))).toEqual(items.flatMap((item) => (item ? [item.join("\n")] : [])));
      }),
      { numRuns: 300 },
    );
  });

  it("joins the lines of an event, and knows its type", () => {
    expect(read("event: dropped\ndata: a\ndata: b\n\ndata:c\n\n")).toEqual([
      { type: "dropped", data: "a\nb", exact: "", oversize: false },
      { type: "", data: "c", exact: "", oversize: false },
    ]);
  });

  it("passes over comments, other fields, events without text, and an event that has not ended", () => {
    expect(dataOf(read(": \n\nid: 7\nretry: 1\nnonsense\ndata: a\n\nevent: x\n\ndata: half"))).toEqual(["a"]);
    expect(read("event: x\n\ndata: a\n\n")[0]?.type).toBe("");
  });

  it("takes one space from the front of a text, and leaves the others", () => {
    expect(dataOf(read("data:   a \n\ndata: \n\ndata:\n\n"))).toEqual(["  a ", "", ""]);
  });

  it("may begin with a byte order mark, which a message may also have", () => {
    expect(dataOf(read("\ufeffdata: \ufeffa\n\n"))).toEqual(["\ufeffa"]);
  });

  it("keeps a carriage return of a message, unless all lines end with one", () => {
    expect(dataOf(read("data: a\n\ndata: b\r\n\n"))).toEqual(["a", "b\r"]);
    expect(dataOf(read("data: a\r\n\r\ndata: b\r\n\r\n"))).toEqual(["a", "b"]);
  });

  it.each([1, 7, 1_000_000])("passes over an event that is too large, in pieces of %d bytes, and goes on", (size) => {
    const text = [
      `data: ${"x".repeat(100)}\n\n`,
      `data: ${"x".repeat(101)}\n\n`,
      `data: message,a,\n${"data: y\n".repeat(60)}\n`,
      `data: ${"ü".repeat(50)}\n\n`,
      `data: ${"ü".repeat(51)}\n\n`,
      `: ${"x".repeat(5_000)}\n\n`,
      `data: ${"x".repeat(5_000)}\n\n`,
      "data: after\n\n",
    ].join("");
    const cuts = Array.from({ length: Math.ceil(text.length / size) }, (_, i) => i * size);
    const events = read(text, cuts, 100);
    expect(events.map(({ oversize }) => oversize)).toEqual([false, true, true, false, true, true, false]);
    expect(events[2]?.data).toBe("message,a,");
    for (const { data } of events) expect(data.length).toBeLessThan(110);
  });
});

describe("a frame", () => {
  const channelsOf = (word: Word, names: readonly string[]) =>
    new Map(
      names.map((name): [string, Channel] => [
        name,
        { word, name, part: "", subscriptions: new Set(), waiting: new Map(), open: false },
      ]),
    );
  const frame = (word: Word, names: readonly string[], data: string, exact = "", oversize = false) => {
    const found = readFrame(
      { type: "", data, exact, oversize },
      word,
      channelsOf(word, names),
      Math.max(...names.map(({ length }) => length)),
    );
    return found && [found.channel.name, found.message?.text, found.message?.from];
  };

  it("is told by the names that were asked for, whatever commas they have", () => {
    const name = fc.string({ unit: fc.constantFrom("a", ",", "b"), minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(fc.uniqueArray(name, { minLength: 1, maxLength: 6 }), fc.nat(), name, (all, pick, text) => {
        const begins = (a: string, b: string) => a !== b && `${a},`.startsWith(`${b},`);
        const names = all.filter((one) => !all.some((other) => begins(one, other) || begins(other, one)));
        const chosen = names[pick % names.length];
        if (chosen === undefined) return;
        expect(frame("subscribe", names, `message,${chosen},${text}`)).toEqual([chosen, text, chosen]);
        expect(frame("subscribe", names, `subscribe,${chosen},1`)).toEqual([chosen, undefined, undefined]);
        expect(frame("psubscribe", names, `pmessage,${chosen},${chosen},${text}`)).toEqual([chosen, text, chosen]);
      }),
    );
  });

  it.each([
    ["another channel", "message,b,text"],
    ["the other command", "pmessage,a,b,text"],
    ["another kind", "unsubscribe,a,0"],
    ["no name", "message"],
    ["nothing", ""],
    ["a name without an end", "message,a"],
  ])("is nothing if it is of %s", (_, data) => {
    expect(frame("subscribe", ["a"], data)).toBeNull();
  });

  it("is read from the exact text, where there is one", () => {
    const exact = JSON.stringify(["pmessage", "a*", "a,b", "two\r\nlines"]);
    expect(frame("psubscribe", ["a*"], "pmessage,a*,a,b,two\nlines", exact)).toEqual(["a*", "two\r\nlines", "a,b"]);
    expect(frame("subscribe", ["a"], "message,a,\n", JSON.stringify(["message", "a", "\r"]))).toEqual(["a", "\r", "a"]);
  });

  it("gives up at the longest name: a text of commas takes no longer than another", () => {
    const start = performance.now();
    expect(frame("subscribe", ["a"], `message,b${",x".repeat(500_000)}`)).toBeNull();
    expect(performance.now() - start).toBeLessThan(5_000);
  });
});
