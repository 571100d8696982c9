import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { lastEventId } from "../../src/core/patterns/pubsub/http/last-event-id.ts";
import { writeBlock } from "../../src/core/patterns/pubsub/http/stream-block.ts";
import { streamBody } from "../../src/core/patterns/pubsub/http/stream-body.ts";
import { readEvents } from "../fixtures/event-source.ts";

function asked(header: string | null, url = "https://host/rooms/7"): ReturnType<typeof lastEventId> {
  return lastEventId({ url, headers: { get: () => header } });
}

describe("the last id that a browser has seen", () => {
  it("is the header, or the parameter of a page", () => {
    expect(asked("1700000000000-3")).toBe("1700000000000-3");
    expect(asked(null, "/rooms/7?lastEventId=1-0#end")).toBe("1-0");
    expect(asked("", "https://host/?a=b&lastEventId=1-0")).toBe("1-0");
  });

  it("is the header where both are there: the URL is that of the first attempt", () => {
    expect(asked("2-0", "/rooms/7?lastEventId=1-0")).toBe("2-0");
  });

  it("is none at a first visit", () => {
    for (const url of ["/rooms/7", "/rooms/7?lastEventId=", "?", "//", "not a url"]) {
      expect(asked(null, url), url).toBeUndefined();
    }
  });

  it.each([
    "7",
    "now",
    "beginning",
    "-",
    "+",
    "1-",
    "-1",
    "1-0-0",
    "1-0\n",
    "1-0\nevent: gap",
    " 1-0",
    "１-０",
    "18446744073709551616-0",
    "0-18446744073709551616",
    "9".repeat(10_240),
    `${"9".repeat(10_240)}-0`,
    "../../etc",
    "*1\r\n$8\r\nFLUSHALL\r\n",
  ])("is unknown for %j, which Redis never sees", (text) => {
    expect(asked(text)).toBeNull();
    expect(asked(null, `/rooms/7?lastEventId=${encodeURIComponent(text)}`)).toBeNull();
  });

  it("takes the greatest id of a stream", () => {
    expect(asked("18446744073709551615-18446744073709551615")).toBe("18446744073709551615-18446744073709551615");
  });
});

describe("a block", () => {
  it("is read by a browser as it was written, whatever the data", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.jsonValue(), { minLength: 1 }), async (list) => {
        const text = list.map((data, i) => writeBlock({ id: `${i}-0`, data: JSON.stringify(data) })).join("");
        const reading = readEvents(new Response(text));
        await reading.ended;
        expect(reading.heard).toEqual(
          list.map((data, i) => ({ event: "message", data: JSON.stringify(data), lastEventId: `${i}-0` })),
        );
      }),
    );
  });

  it("of an id alone moves the browser on, and tells the page nothing", async () => {
    const reading = readEvents(new Response(writeBlock({ id: "5-0" })));
    await reading.ended;
    expect(reading).toMatchObject({ lastEventId: "5-0", heard: [] });
  });
});

describe("a body", () => {
  async function* count(signal: AbortSignal, said: number[] = []): AsyncGenerator<string> {
    for (let i = 0; !signal.aborted; i += 1) {
      said.push(i);
      yield `${i}`;
    }
  }

  it("does nothing before it is read", () => {
    let begun = 0;
    const say = (signal: AbortSignal) => {
      begun += 1;
      return count(signal);
    };
    streamBody(say, { maxAge: 1_000, signals: [] });
    expect(begun).toBe(0);
  });

  it("asks for a text when the last one was taken, and collects none for a slow reader", async () => {
    const said: number[] = [];
    const reader = streamBody((signal) => count(signal, said), { maxAge: 60_000, signals: [] }).getReader();
    for (let i = 0; i < 3; i += 1) await reader.read();
    expect(said).toEqual([0, 1, 2]);
    await reader.cancel();
  });

  it.each([
    ["the reader leaves", async (body: Readable) => body.cancel()],
    ["the request is aborted", async (_: Readable, request: AbortController) => request.abort()],
    ["the caller ends it", async (_: Readable, __: AbortController, caller: AbortController) => caller.abort()],
  ])("ends, and tells its source, when %s", async (_, end) => {
    const [request, caller] = [new AbortController(), new AbortController()];
    let begin: (signal: AbortSignal) => void = () => {};
    const begun = new Promise<AbortSignal>((resolve) => {
      begin = resolve;
    });
    const body = streamBody(
      (left) => {
        begin(left);
        // It never says anything.
        return { next: () => new Promise(() => {}) };
      },
      { maxAge: 60_000, signals: [request.signal, caller.signal, null, undefined] },
    ).getReader();
    const read = body.read();
    const signal = await begun;
    expect(signal.aborted).toBe(false);
    await end(body, request, caller);
    expect(signal.aborted).toBe(true);
    expect(await read).toMatchObject({ done: true });
  });

  it("ends at its age although nobody reads", async () => {
    let signal = new AbortController().signal;
    const body = streamBody(
      (left) => {
        signal = left;
        return count(left);
      },
      { maxAge: 1, signals: [] },
    ).getReader();
    await body.read();
    await body.closed;
    expect(signal.aborted).toBe(true);
  });

  it("of a request that is gone already is empty", async () => {
    const body = streamBody(count, { maxAge: 60_000, signals: [AbortSignal.abort()] });
    expect(await new Response(body).text()).toBe("");
  });
});

type Readable = ReadableStreamDefaultReader<Uint8Array>;
