import { expect, onTestFinished } from "vitest";
import { bearer } from "./token.ts";

/** A stream of events, read as the standard says, from `fetch`'s body. */
export interface EventReader {
  readonly response: Response;
  /** The data of each event so far. One of another type begins with its type and a colon. */
  readonly events: readonly string[];
  /** The comments so far. */
  readonly comments: number;
  /** The bytes as they came, as text. */
  readonly raw: string;
  readonly isOpen: boolean;
  close(): void;
}

/** Opens a stream and reads on in the background. It is closed at the end of the test. */
export async function openEvents(url: string, init: RequestInit = {}, ask = fetch): Promise<EventReader> {
  const controller = new AbortController();
  const response = await ask(url, { method: "POST", body: "[]", headers: bearer, signal: controller.signal, ...init });
  const state = { response, events: [] as string[], comments: 0, raw: "", isOpen: true };
  const close = () => controller.abort();
  onTestFinished(close);
  void readOn(response, state);
  return Object.assign(state, { close });
}

async function readOn({ body }: Response, state: { events: string[]; comments: number; raw: string; isOpen: boolean }) {
  const reader = body?.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (let next = await reader?.read(); next && !next.done; next = await reader?.read()) {
      state.raw += next.value;
      const blocks = (rest + next.value).split("\n\n");
      rest = blocks.pop() ?? "";
      for (const block of blocks) read(block, state);
    }
  } catch {
    // Closed by the test, or cut by the server.
  }
  state.isOpen = false;
}

function read(block: string, state: { events: string[]; comments: number }): void {
  const data: string[] = [];
  let type = "";
  for (const line of block.split(/\r\n|\n|\r/)) {
    if (line.startsWith(":")) state.comments += 1;
    if (line.startsWith("event: ")) type = `${line.slice(7)}:`;
    if (line.startsWith("data: ")) data.push(line.slice(6));
  }
  if (data.length > 0) state.events.push(type + data.join("\n"));
}

/** Expects what will be so within a time that a busy machine keeps, too. */
export function expectSoon<T>(read: () => T, interval = 20) {
  return expect.poll(read, { timeout: 15_000, interval });
}
