import { checkCount, checkDuration, checkOptions } from "../../../check.ts";
import { OptionError, ReplyError } from "../../../errors.ts";
import { followLog } from "../../../log/follow.ts";
import { logPlace } from "../../../log/format.ts";
import { type ChangeOptions, rememberRequest } from "../../../request.ts";
import { hours } from "../../../time/duration.ts";
import {
  type ChannelContext,
  type DeliveryParts,
  foreignMessage,
  type Listening,
  type ListenRequest,
  report,
} from "../context.ts";
import { createDelivery, type Delivery } from "../delivery.ts";
import type { Published } from "../options.ts";
import { isPattern } from "../pattern.ts";
import { publishScript } from "../scripts/publish.lua.ts";
import { listenToPattern } from "./resumable-pattern.ts";

/** Options of `resumable`. */
export interface ResumableOptions {
  /** How much of each channel is kept. What comes first counts. */
  readonly keep?:
    | {
        /**
         * For how long a message is kept, in milliseconds.
         * @default hours(1)
         */
        readonly age?: number | undefined;
        /**
         * How many messages are kept. Redis keeps up to a hundred more.
         * @default 10_000
         */
        readonly length?: number | undefined;
      }
    | undefined;
}

/**
 * Messages are kept for a while. A subscriber that was away goes on where it was: in order, nothing twice, and what is gone is told by `onGap`.
 * Each publication is one script.
 * @throws {OptionError} `keep` can never work.
 * @example
 * const channels = createChannels(redis, { prefix: "room", delivery: resumable({ keep: { age: hours(1) } }) });
 */
export function resumable(options?: ResumableOptions): Delivery {
  const { keep = {} } = checkOptions(options, "{ keep: { age: hours(1), length: 10_000 } }") ?? {};
  if (typeof keep !== "object" || keep === null) {
    throw new OptionError("`keep` must be an object, such as { age: hours(1), length: 10_000 }");
  }
  const { age = hours(1), length = 10_000 } = keep;
  const kept = { age: checkDuration("keep.age", age), length: checkCount("keep.length", length) };
  const parts: DeliveryParts = {
    publish: (context, name, text, call) => publish(context, kept, name, text, call),
    listen,
  };
  return createDelivery("resumable", parts);
}

interface Kept {
  readonly age: number;
  readonly length: number;
}

async function publish(
  context: ChannelContext,
  kept: Kept,
  name: string,
  data: string,
  call: ChangeOptions,
): Promise<Published> {
  const { redis, namespace, requestTtl } = context;
  const remembered = rememberRequest(namespace, name, "publish", call, requestTtl);
  const values = { ...logPlace(namespace, name), ...kept, ...remembered, data };
  const answer = await publishScript(redis, values, { signal: call.signal, idempotent: true });
  const space = answer.indexOf(" ");
  const id = answer.slice(0, space);
  const rest = answer.slice(space + 1);
  if (!rest.startsWith("!")) return { id, receivers: Number(rest) };
  report(context, "unannounced", name, new ReplyError(rest.slice(1)));
  return { id, receivers: 0 };
}

async function listen(context: ChannelContext, request: ListenRequest): Promise<Listening> {
  const { names, start } = request;
  if (isPattern(names)) return listenToPattern(context, names, request);
  if (start.at === "after" && names.length > 1) {
    throw new OptionError("`from` an id needs one name; subscribe to each channel by itself");
  }
  const all = await Promise.all(names.map((name) => listenToName(context, request, name)));
  return {
    resume: () => all.forEach((one) => one.resume()),
    ended: Promise.all(all.map(({ ended }) => ended)),
  };
}

function listenToName(context: ChannelContext, request: ListenRequest, name: string): Promise<Listening> {
  const { receive, onGap, onReconnect, onStart } = request;
  return followLog({
    ...request,
    redis: context.redis,
    place: logPlace(context.namespace, name),
    deliver: ({ id, data }) => receive(name, data, id),
    onStart: (id) => onStart({ name, id }),
    onGap: ({ from, to }) => onGap({ name, from, to }),
    onForeign: () => report(context, "message-refused", name, foreignMessage()),
    onError: (error) => report(context, "read-failed", name, error),
    onReconnect: () => onReconnect(name),
  });
}
