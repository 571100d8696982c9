import type { Asked } from "../harness/contender.ts";

/** What everybody publishes. */
export interface Message {
  readonly n: number;
  readonly from: string;
  readonly text: string;
}

/** A publisher and a subscriber. */
export interface Pair {
  publish(message: Message): Promise<unknown>;
  close(): unknown;
}

/** Makes an instance whose call ends when the message that it publishes is heard. */
export async function openRound(open: (hear: (message: Message) => void) => Promise<Pair>): Promise<Asked> {
  const waiting = new Map<number, () => void>();
  const { publish, close } = await open(({ n }) => {
    waiting.get(n)?.();
    waiting.delete(n);
  });
  let last = 0;
  const call = () =>
    new Promise<void>((resolve, reject) => {
      const n = (last += 1);
      waiting.set(n, resolve);
      publish({ n, from: "Ada Lovelace", text }).catch(reject);
    });
  return { call, close };
}

const text = "a message of about as many letters as people write in one line of a chat";
