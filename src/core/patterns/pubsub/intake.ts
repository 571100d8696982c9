import { type ChannelContext, type ChannelSink, report } from "./context.ts";
import { MessageInvalidError, SlowConsumerError } from "./errors.ts";
import { decodeMessage } from "./format.ts";
import type { SchemaResult } from "../../data/schema.ts";
import type { ChannelGap, ChannelMessage } from "./options.ts";

/** Where messages go that were read. It does not throw. */
export interface Outlet {
  message(message: ChannelMessage): void;
  gap(gap: ChannelGap): void;
  /** Whether a message may come now. */
  ready(): boolean;
}

/** How many messages may wait for a schema that takes its time. */
const mostWaiting = 1_000;

/**
 * Reads messages for an outlet, and keeps their order: a schema may take its time, and the next message waits for it. What cannot be read is told
 * by `onEvent`, and the others go on.
 * @param onIdle Called when nothing waits any more.
 */
export function createIntake(
  context: ChannelContext,
  outlet: Outlet,
  onIdle: () => void,
): Omit<ChannelSink, "onReconnect" | "onStart"> {
  const line = createLine(onIdle);
  const refuse = (name: string, error: unknown) => report(context, "message-refused", name, error);
  return {
    receive(name, text, id) {
      // A log keeps what has no room now.
      if (id === undefined && line.length() >= mostWaiting) return refuse(name, new SlowConsumerError(mostWaiting));
      const fail = (error: unknown) => refuse(name, error);
      line.add(() => attempt(fail, () => read(context, text, (data) => outlet.message({ name, id, data }))));
    },
    onGap: (gap) =>
      line.add(() => {
        outlet.gap(gap);
        return undefined;
      }),
    ready: () => line.length() < mostWaiting && outlet.ready(),
  };
}

/** Reads a message and passes it on. It returns a promise only if the schema does. */
function read(
  { codec, schema }: ChannelContext,
  text: string | null,
  pass: (data: unknown) => void,
): Promise<void> | undefined {
  const decoded = decodeMessage(codec, text);
  const accept = (result: SchemaResult<unknown>) => {
    if (result.issues) throw new MessageInvalidError(result.issues);
    pass(result.value);
  };
  const result = schema ? schema["~standard"].validate(decoded) : { value: decoded };
  if (result instanceof Promise) return result.then(accept);
  accept(result);
  return undefined;
}

function attempt(fail: (error: unknown) => void, work: () => Promise<void> | undefined): Promise<void> | undefined {
  try {
    return work()?.catch(fail);
  } catch (error) {
    fail(error);
    return undefined;
  }
}

/** Steps that are taken one after another: each at once, unless one before it takes its time. */
interface Line {
  add(step: () => Promise<void> | undefined): void;
  /** How many are not yet taken. */
  length(): number;
}

function createLine(onIdle: () => void): Line {
  let length = 0;
  let last: Promise<unknown> | undefined;
  return {
    add(step) {
      const work = last ? last.then(step) : step();
      if (!work) return;
      length += 1;
      const mine: Promise<void> = Promise.resolve(work).then(() => {
        length -= 1;
        if (last !== mine) return;
        last = undefined;
        onIdle();
      });
      last = mine;
    },
    length: () => length,
  };
}
