import { onAbort } from "../../abort.ts";
import { checkDuration, checkFunction, checkMethods, checkOptions } from "../../check.ts";
import { OptionError } from "../../errors.ts";
import { followLog, type FollowOptions } from "../../log/follow.ts";
import { checkStart } from "../../log/start.ts";
import { type PresenceContext, report, roomValues } from "./context.ts";
import { decodeTransition } from "./format.ts";
import type { StopListening } from "../../port/subscriber.ts";
import type { PresenceSubscribeOptions, TransitionListener } from "./options.ts";

/** Listens to the transitions of a room until it is told to stop. */
export async function subscribeRoom<Data>(
  context: PresenceContext,
  room: string,
  listener: TransitionListener<Data>,
  options: PresenceSubscribeOptions | undefined,
): Promise<StopListening> {
  const { channel, log, last } = roomValues(context, room);
  checkFunction("listener", listener);
  const { start, check, onGap, signal } = checkCall(options);
  const subscriber = subscriberOf(context);
  signal?.throwIfAborted();
  const ending = new AbortController();
  const stay = onAbort(signal, () => ending.abort(signal?.reason));
  const tell: Tell = (type) => (error) => report(context, type, room, error);
  const following = await followLog({
    ...sinkFor(listener, onGap, tell),
    redis: context.redis,
    subscriber,
    place: { channel, log, last },
    start,
    check,
    signal: ending.signal,
  }).catch((error: unknown) => {
    stay();
    ending.abort(error);
    throw error;
  });
  const stop = async () => {
    stay();
    ending.abort();
    await following.ended;
  };
  return Object.assign(stop, { [Symbol.asyncDispose]: stop });
}

/** Reports one kind of event. */
type Tell = (type: string) => (error?: unknown) => void;

function checkCall(options: PresenceSubscribeOptions | undefined) {
  const { from = "now", onGap, check, signal } = checkOptions(options, "{ from: lastId }") ?? {};
  if (check !== undefined) checkDuration("check", check);
  if (onGap !== undefined) checkFunction("onGap", onGap);
  checkMethods("signal", signal, "an AbortSignal", "throwIfAborted");
  return { start: checkStart(from), check: check ?? 0, onGap, signal };
}

function subscriberOf({ subscriber }: PresenceContext) {
  if (subscriber) return subscriber;
  throw new OptionError(
    "`subscriber` is needed to hear who comes and goes: pass createPresence ioredisSubscriber(client.duplicate()), restSubscriber({ url, token }), memory() or polling({ every })",
  );
}

/** What becomes of each transition, and of what else a listener may want to know. */
function sinkFor<Data>(
  listener: TransitionListener<Data>,
  onGap: PresenceSubscribeOptions["onGap"],
  tell: Tell,
): Pick<FollowOptions, "deliver" | "onGap" | "onForeign" | "onError" | "onReconnect"> {
  return {
    deliver({ id, data }) {
      const transition = decodeTransition<Data>(id, data);
      if (transition) callUser(() => listener(transition), tell("listener-failed"));
      else tell("message-refused")();
    },
    onGap(gap) {
      tell("gap")();
      callUser(() => onGap?.(gap), tell("listener-failed"));
    },
    onForeign: () => tell("message-refused")(),
    onError: tell("read-failed"),
    onReconnect: () => tell("reconnected")(),
  };
}

/** A listener that throws is told of, and hears the next transition all the same. */
function callUser(call: () => unknown, onError: (error: unknown) => void): void {
  try {
    const returned = call();
    if (returned instanceof Promise) returned.catch(onError);
  } catch (error) {
    onError(error);
  }
}
