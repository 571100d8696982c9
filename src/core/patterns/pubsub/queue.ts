import { SlowConsumerError } from "./errors.ts";
import type { Outlet } from "./intake.ts";
import type { ChannelGap, ChannelMessage } from "./options.ts";

/** What waits for a loop. */
export type Item = { readonly message: ChannelMessage } | { readonly gap: ChannelGap };

/** Messages and gaps between a subscription and a loop, in order. */
export interface Queue extends Outlet {
  /** Whether so little waits that more may come. */
  hasRoom(): boolean;
  /** Waits for the next one. It is `undefined` after the end. It rejects if a message found no room, after those that did. */
  next(): Promise<Item | undefined>;
  /** Calls when a message found no room, which may have been before. */
  onFull(call: () => void): void;
  /** What waits is dropped. */
  end(): void;
}

export function createQueue(buffer: number): Queue {
  const items: Item[] = [];
  const state: { ended: boolean; failure?: SlowConsumerError; wake?: () => void; full?: () => void } = { ended: false };
  const add = (item: Item) => {
    if (!state.failure && !state.ended) items.push(item);
    state.wake?.();
  };
  return {
    message(message) {
      // A log keeps what has no room now.
      if (message.id === undefined && items.length >= buffer) {
        state.failure ??= new SlowConsumerError(buffer);
        state.full?.();
      }
      add({ message });
    },
    gap: (gap) => add({ gap }),
    ready: () => items.length < buffer,
    hasRoom: () => items.length <= buffer / 2,
    async next() {
      while (items.length === 0 && !state.ended) {
        if (state.failure) throw state.failure;
        await new Promise<void>((resolve) => {
          state.wake = resolve;
        });
      }
      return items.shift();
    },
    onFull(call) {
      state.full = call;
      if (state.failure) call();
    },
    end() {
      state.ended = true;
      items.length = 0;
      state.wake?.();
    },
  };
}
