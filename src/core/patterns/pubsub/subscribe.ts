import { onAbort } from "../../abort.ts";
import { checkDuration, checkFunction, checkMethods, checkOptions } from "../../check.ts";
import { OptionError } from "../../errors.ts";
import { checkStart } from "../../log/start.ts";
import { type ChannelContext, checkName, type Listening, report } from "./context.ts";
import { createIntake, type Outlet } from "./intake.ts";
import type { ChannelGap, ChannelListener, ChannelNames, ChannelStart, ChannelSubscribeOptions } from "./options.ts";
import type { StopListening } from "../../port/subscriber.ts";
import { isPattern } from "./pattern.ts";

/** The most channels of one subscription. */
const mostNames = 1_000;

export async function subscribeListener(
  context: ChannelContext,
  names: ChannelNames,
  listener: ChannelListener<unknown>,
  options: ChannelSubscribeOptions | undefined,
): Promise<StopListening> {
  checkFunction("listener", listener);
  const call = checkCall(options);
  const { stop } = await listen(context, names, call, {
    message: (message) => guard(context, message.name, () => listener(message)),
    gap: (gap) => tellGap(context, gap, call.onGap),
    ready: () => true,
  });
  return Object.assign(stop, { [Symbol.asyncDispose]: stop });
}

/** Checks the options of a call that listens. They may be absent. */
export function checkCall<T extends ChannelSubscribeOptions>(options: T | undefined): Partial<T> {
  const call: Partial<T> = checkOptions(options, "{ signal }") ?? {};
  const { signal, onGap, onReconnect, onStart, check } = call;
  checkMethods("signal", signal, "an AbortSignal", "throwIfAborted");
  if (onGap !== undefined) checkFunction("onGap", onGap);
  if (onReconnect !== undefined) checkFunction("onReconnect", onReconnect);
  if (onStart !== undefined) checkFunction("onStart", onStart);
  if (check !== undefined) checkDuration("check", check);
  return call;
}

/** What is listened to. */
export interface Heard {
  stop(): Promise<void>;
  /** Goes on where `ready` said no. */
  resume(): void;
}

/** Begins to listen. It resolves when nothing is missed from then on. */
export async function listen(
  context: ChannelContext,
  names: ChannelNames,
  { signal, from = "now", onGap, check = 0, onReconnect, onStart: begun }: ChannelSubscribeOptions,
  outlet: Outlet,
): Promise<Heard> {
  const { subscriber, parts } = context;
  if (!subscriber) {
    throw new OptionError("`subscriber` is needed to listen, such as ioredisSubscriber(client.duplicate())");
  }
  const end = new AbortController();
  const request = { subscriber, names: checkNames(names), start: checkStart(from), check, asksForGaps: Boolean(onGap) };
  signal?.throwIfAborted();
  const stay = onAbort(signal, () => end.abort(signal?.reason));
  let listening: Listening | undefined;
  const intake = createIntake(context, outlet, () => listening?.resume());
  const tell = (name: string) => {
    report(context, "reconnected", name);
    if (onReconnect) guard(context, name, () => onReconnect({ name }));
  };
  const onStart = (start: ChannelStart) => {
    if (begun) guard(context, start.name, () => begun(start));
  };
  try {
    listening = await parts.listen(context, { ...request, ...intake, onStart, onReconnect: tell, signal: end.signal });
  } catch (error) {
    stay();
    end.abort(error);
    throw error;
  }
  const { ended, resume } = listening;
  const stop = async () => {
    stay();
    end.abort();
    await ended;
  };
  return { stop, resume };
}

function checkNames(names: ChannelNames): readonly string[] | Extract<ChannelNames, { readonly pattern: string }> {
  if (isPattern(names)) return names;
  const list = typeof names === "string" ? [names] : names;
  if (!Array.isArray(list) || list.length === 0 || list.length > mostNames) {
    throw new OptionError(`\`names\` must be a name, an array of 1 to ${mostNames} names, or matching("user:*")`);
  }
  return [...new Set(list.map(checkName))];
}

function tellGap(context: ChannelContext, gap: ChannelGap, onGap: ChannelSubscribeOptions["onGap"]): void {
  report(context, "gap", gap.name);
  if (onGap) guard(context, gap.name, () => onGap(gap));
}

/** Calls a function of the caller's. What it throws, also later, is told, and stops nothing. */
function guard(context: ChannelContext, name: string, call: () => unknown): void {
  const fail = (error: unknown) => report(context, "listener-failed", name, error);
  try {
    const returned = call();
    if (returned instanceof Promise) returned.catch(fail);
  } catch (error) {
    fail(error);
  }
}
