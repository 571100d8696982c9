import { type Relay, startRelay, type Target } from "./relay.ts";
import type { Socket } from "node:net";

/** A TCP proxy that can lose replies: it forwards what the client says, then cuts instead of passing the answer on. */
export interface CuttingProxy extends Omit<Relay, "open"> {
  /** The next answers on any connection are lost, `times` of them; each cuts its connection. */
  cutReplies(times?: number): void;
  /** How many answers were lost so far. */
  readonly cuts: number;
  /** Swallows every answer from now on and keeps the connections open: a black hole. */
  blackHole(on: boolean): void;
  /** Forgets every open connection without a word, as a router does after a long silence; new ones work. */
  forget(): void;
  /** Resets every open connection; new ones work. */
  reset(): void;
}

export async function startCuttingProxy(target: Target): Promise<CuttingProxy> {
  const forgotten = new WeakSet<Socket>();
  let left = 0;
  let cuts = 0;
  let silent = false;
  const { host, port, open, stop } = await startRelay(target, (client, upstream) => {
    client.on("data", (chunk: Buffer) => {
      if (!forgotten.has(client)) upstream.write(chunk);
    });
    client.on("end", () => upstream.end());
    upstream.on("data", (chunk: Buffer) => {
      if (silent || forgotten.has(client)) return;
      if (left > 0) {
        left -= 1;
        cuts += 1;
        client.destroy();
        return;
      }
      client.write(chunk);
    });
  });
  return {
    host,
    port,
    stop,
    cutReplies: (times = 1) => {
      left = times;
    },
    get cuts() {
      return cuts;
    },
    blackHole: (on) => {
      silent = on;
    },
    forget: () => {
      for (const socket of open) forgotten.add(socket);
    },
    reset: () => {
      for (const socket of open) socket.resetAndDestroy();
    },
  };
}
