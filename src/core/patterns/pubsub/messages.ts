import { onAbort } from "../../abort.ts";
import { checkCount } from "../../check.ts";
import { type ChannelContext, report } from "./context.ts";
import type { ChannelMessage, ChannelMessagesOptions, ChannelNames, ChannelSubscribeOptions } from "./options.ts";
import { createQueue, type Item, type Queue } from "./queue.ts";
import { checkCall, listen } from "./subscribe.ts";

/** Gives the messages of some channels to a loop. The generator begins to listen at its first turn. */
export async function* readMessages(
  context: ChannelContext,
  names: ChannelNames,
  options: ChannelMessagesOptions | undefined,
): AsyncGenerator<ChannelMessage, void, void> {
  const { buffer = 1_000, ...call } = checkCall(options);
  const queue = createQueue(checkCount("buffer", buffer));
  const stay = onAbort(call.signal, queue.end);
  try {
    yield* readQueue(context, names, call, queue);
  } catch (error) {
    if (!call.signal?.aborted) throw error;
  } finally {
    stay();
    queue.end();
  }
}

async function* readQueue(
  context: ChannelContext,
  names: ChannelNames,
  call: ChannelSubscribeOptions,
  queue: Queue,
): AsyncGenerator<ChannelMessage, void, void> {
  const heard = await listen(context, names, call, queue);
  // If Redis is away, it hears of it later.
  const stop = () => void heard.stop().catch(() => {});
  // A loop that does not turn any more would listen for ever.
  queue.onFull(stop);
  try {
    for (let item = await queue.next(); item; item = await queue.next()) {
      yield* give(context, item, call);
      void (queue.hasRoom() && heard.resume());
    }
  } finally {
    stop();
  }
}

/** Gives a message, or tells of a gap in its place and waits until that was heard. */
async function* give(
  context: ChannelContext,
  item: Item,
  { onGap }: ChannelSubscribeOptions,
): AsyncGenerator<ChannelMessage, void, void> {
  if ("message" in item) {
    yield item.message;
    return;
  }
  report(context, "gap", item.gap.name);
  await onGap?.(item.gap);
}
