import { once } from "node:events";
import { createConnection, createServer, type Socket } from "node:net";

/** A TCP proxy that can lose replies: it forwards what the client says, then cuts instead of passing the answer on. */
export interface CuttingProxy {
  readonly host: string;
  readonly port: number;
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
  stop(): Promise<void>;
}

export async function startCuttingProxy(target: {
  readonly host: string;
  readonly port: number;
}): Promise<CuttingProxy> {
  const open = new Set<Socket>();
  const forgotten = new WeakSet<Socket>();
  let left = 0;
  let cuts = 0;
  let silent = false;
  const server = createServer((client) => {
    const upstream = createConnection(target);
    for (const socket of [client, upstream]) {
      open.add(socket);
      socket.setNoDelay(true);
      socket.on("close", () => open.delete(socket));
      socket.on("error", () => {});
    }
    client.on("data", (chunk: Buffer) => {
      if (!forgotten.has(client)) upstream.write(chunk);
    });
    client.on("end", () => upstream.end());
    client.on("close", () => upstream.destroy());
    upstream.on("close", () => client.destroy());
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
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  return {
    host: "127.0.0.1",
    port: typeof address === "object" && address ? address.port : 0,
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
    async stop() {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
