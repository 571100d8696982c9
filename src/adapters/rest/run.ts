import { tickEnd } from "../../core/time/tick.ts";
import { backoff } from "../../core/wait/backoff.ts";
import { sleep } from "../../core/wait/sleep.ts";
import { type Channel, refuseWaiting } from "./channels.ts";
import { listen, type Outcome } from "./listen.ts";
import { dropUnused, namesOf, type Stream, type StreamContext } from "./streams.ts";

/** The longest pause before a request is made again. One that lasted for longer begins with the shortest. */
const longestPause = 10_000;

/** How many requests may fail before the callers that wait for them are told. */
const patience = 3;

/** Makes the request of a stream again and again, until nobody listens any more. */
export async function run(context: StreamContext, stream: Stream): Promise<void> {
  let failures = 0;
  while (await gather(context, stream)) {
    const asked = [...stream.channels];
    const start = performance.now();
    const outcome = await listen(context, stream);
    if (outcome.error === undefined) continue;
    if (performance.now() - start > longestPause) failures = 0;
    await pause(context, stream, fail(context, stream, asked, outcome, failures));
    failures += 1;
  }
}

/** Lets the channels of one tick share a request. Returns `false` once the stream is closed. */
async function gather(context: StreamContext, stream: Stream): Promise<boolean> {
  stream.phase = "gathering";
  await tickEnd();
  if (context.streams.has(stream)) dropUnused(context, stream);
  return context.streams.has(stream);
}

/** Tells who must know of a failed request. Returns how long to wait before the next one. */
function fail(
  context: StreamContext,
  stream: Stream,
  asked: readonly Channel[],
  { error, refused }: Outcome,
  failures: number,
): number {
  context.report({ type: "lost", channels: namesOf(asked), error });
  for (const channel of asked) refuseWaiting(channel, error, refused ? 1 : patience);
  dropUnused(context, stream);
  const isSame = asked.length === stream.channels.size && asked.every((channel) => stream.channels.has(channel));
  if (!isSame) return backoff(0, pauses);
  return backoff(refused ? Infinity : failures, pauses);
}

const pauses = { first: 100, factor: 2, most: longestPause };

async function pause(context: StreamContext, stream: Stream, ms: number): Promise<void> {
  if (!context.streams.has(stream)) return;
  const controller = new AbortController();
  stream.phase = "pausing";
  stream.interrupt = () => controller.abort();
  await sleep(ms, controller.signal).catch(() => {});
}
