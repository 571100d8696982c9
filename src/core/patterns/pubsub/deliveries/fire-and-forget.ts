import { afterAbort } from "../../../abort.ts";
import { OptionError } from "../../../errors.ts";
import { keyOf } from "../../../keys.ts";
import { isPolling } from "../../../log/polling.ts";
import { integer } from "../../../port/reply.ts";
import type { ChangeOptions } from "../../../request.ts";
import { type ChannelContext, type Listening, type ListenRequest } from "../context.ts";
import { createDelivery, type Delivery } from "../delivery.ts";
import type { Published } from "../options.ts";
import { globOf, isPattern, nameOf } from "../pattern.ts";

/**
 * Messages reach who listens at the moment, by PUBLISH, one command each. What somebody misses while the connection is down is lost.
 * @example
 * const channels = createChannels(redis, { prefix: "news", delivery: fireAndForget() });
 */
export function fireAndForget(): Delivery {
  return createDelivery("fire-and-forget", { publish, listen });
}

async function publish(
  { redis, namespace }: ChannelContext,
  name: string,
  text: string,
  { requestId, signal }: ChangeOptions,
): Promise<Published> {
  if (requestId !== undefined) {
    throw new OptionError("`requestId` needs `delivery: resumable()`: nothing remembers what was only announced");
  }
  // Sent twice it would be two messages.
  const receivers = integer(await redis.send(["PUBLISH", keyOf(namespace, name), text], { signal }));
  return { id: undefined, receivers };
}

async function listen(context: ChannelContext, request: ListenRequest): Promise<Listening> {
  const { namespace } = context;
  const { start, check, names, asksForGaps } = request;
  if (start.at !== "now" || check > 0 || asksForGaps) {
    throw new OptionError("`from`, `check` and `onGap` need `delivery: resumable()`: nothing keeps these messages");
  }
  const all = isPattern(names)
    ? [listenTo(context, request, "psubscribe", names.pattern, globOf(namespace, names))]
    : names.map((name) => listenTo(context, request, "subscribe", name, keyOf(namespace, name)));
  const ends = await Promise.all(all);
  return { resume() {}, ended: Promise.all(ends.map(({ ended }) => ended)) };
}

/** Resolves when one channel or pattern is subscribed, with a promise that resolves after its end. */
async function listenTo(
  context: ChannelContext,
  { subscriber, signal, receive, onReconnect }: ListenRequest,
  method: "subscribe" | "psubscribe",
  name: string,
  channel: string,
): Promise<{ readonly ended: Promise<void> }> {
  if (isPolling(subscriber)) throw new OptionError("`polling` needs `delivery: resumable()`: there is no log to read");
  const isOne = method === "subscribe";
  const unsubscribe = await subscriber[method](
    channel,
    (message, from) => {
      if (!signal.aborted) receive(isOne ? name : nameOf(context.namespace, from), message, undefined);
    },
    { signal, onReconnect: () => onReconnect(name) },
  );
  return { ended: afterAbort(signal, unsubscribe) };
}
