import { onAbort } from "../../core/abort.ts";
import { ConnectionError, TimeoutError } from "../../core/errors.ts";
import { raceDeadline, startDeadline } from "../../core/time/deadline.ts";
import { jitter } from "../../core/wait/backoff.ts";
import { isUsed } from "./channels.ts";
import { createEventReader } from "./event-stream.ts";
import { createHearing, type Listening } from "./hearing.ts";
import { pathOf } from "./placing.ts";
import { wasSent } from "./post.ts";
import { decodeReplies } from "./replies.ts";
import { type SilenceWatch, watchSilence } from "./silence.ts";
import { namesOf, type Stream, type StreamContext } from "./streams.ts";

/** How a request ended. */
export interface Outcome {
  /** Absent if it is to be made again at once. */
  readonly error: unknown;
  /** Whether the server refused it. */
  readonly refused: boolean;
}

/** Makes the request of a stream and delivers what comes, until it is interrupted or fails. */
export async function listen(context: StreamContext, stream: Stream): Promise<Outcome> {
  const controller = new AbortController();
  const { signal } = controller;
  const asked = new Map(Array.from(stream.channels, (channel) => [channel.name, channel]));
  let outcome: Outcome = { error: undefined, refused: false };
  const end = (error?: unknown, refused = false) => {
    if (signal.aborted) return;
    outcome = { error, refused };
    stream.asked = new Map();
    for (const channel of asked.values()) channel.open = false;
    controller.abort();
  };
  Object.assign(stream, { asked, phase: "connecting", unusedSince: Infinity, interrupt: () => end() });
  const stopWaiting = startDeadline(() => end(new TimeoutError(context.timeout)), context.timeout);
  await converse({ context, stream, asked, signal, end }, stopWaiting);
  stopWaiting();
  return outcome;
}

async function converse(listening: Listening, stopWaiting: () => void): Promise<void> {
  const { context, stream, asked, signal, end } = listening;
  let watch: SilenceWatch | undefined;
  try {
    const { status, headers, body, text } = await ask(listening);
    if (!body) return end(refusalOf(status, text), status < 500);
    const hear = createHearing(listening, () => {
      stopWaiting();
      stream.phase = "open";
      watch = watchStream(listening, Number(headers.get("redis-patterns-heartbeat")));
      context.report({ type: "open", channels: namesOf(asked.values()) });
      // Channels were added meanwhile.
      if (stream.channels.size > asked.size) end();
    });
    const read = createEventReader(context.maxBytes, hear);
    await readBody(body, signal, (chunk) => {
      watch?.heard();
      read(chunk);
    });
    end(new ConnectionError("The server ended the stream", "unknown"));
  } catch (cause) {
    end(new ConnectionError("The REST endpoint did not answer", wasSent(Object(cause)), { cause }));
  } finally {
    watch?.stop();
  }
}

/** Makes the request. `body` is `null` if it was refused. */
async function ask({ context, stream, asked, signal }: Listening) {
  const { url, token, fetch = globalThis.fetch } = context;
  const request = {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, accept: "text/event-stream" },
    // A redirect would carry the token to another host.
    redirect: "manual",
    signal,
  } as const;
  const path = `${url}/${stream.word}${pathOf(asked.values())}`;
  return raceDeadline(Infinity, signal, async () => {
    const response = await fetch(path, request);
    const { status, headers, body } = response;
    return status === 200 && body ? { status, headers, body } : { status, headers, text: await response.text() };
  });
}

function refusalOf(status: number, text = ""): unknown {
  try {
    decodeReplies(status, text, 1);
  } catch (error) {
    return error;
  }
  return new ConnectionError(`HTTP ${status} from Redis; is \`url\` Upstash-compatible?`, false);
}

/**
 * Watches for signs of life: heartbeats, where the server says how often they come. Elsewhere silence can't be told from death, so the
 * request is made again after a while.
 */
function watchStream({ context, stream, end }: Listening, heartbeat: number): SilenceWatch {
  const { timeout, maxAge } = context;
  const age = jitter(maxAge);
  const hasHeartbeat = heartbeat > 0;
  const onSilence = () =>
    end(hasHeartbeat ? new ConnectionError(`The stream was silent for ${heartbeat + timeout} ms`, true) : undefined);
  const endUnused = () => {
    if (Array.from(stream.channels).every(isUsed)) stream.unusedSince = Infinity;
    if (performance.now() - stream.unusedSince > age) end();
  };
  return watchSilence(hasHeartbeat ? heartbeat + timeout : age, onSilence, endUnused);
}

async function readBody(
  body: ReadableStream<Uint8Array>,
  signal: AbortSignal,
  push: (chunk: Uint8Array) => void,
): Promise<void> {
  const reader = body.getReader();
  // Not every runtime ends the body with the signal.
  const stay = onAbort(signal, () => void reader.cancel().catch(() => {}));
  const readOn = async (): Promise<void> => {
    for (let piece = await reader.read(); !piece.done && !signal.aborted; piece = await reader.read())
      push(piece.value);
  };
  await readOn().finally(stay);
}
