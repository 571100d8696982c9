import { once } from "node:events";
import { createServer } from "node:http";
import { getRequestListener } from "@hono/node-server";
import type { Redis, Subscriber } from "redis-patterns";
import { createGateway } from "redis-patterns/gateway";

/** A gateway that counts what reaches it. */
export interface CountingGateway {
  readonly url: string;
  /** How many HTTP requests came so far. */
  requests(): number;
  close(): void;
}

/** Serves the published gateway on a free port. */
export async function serveGateway(redis: Redis, token: string, subscriber: Subscriber): Promise<CountingGateway> {
  const gateway = createGateway(redis, { tokens: [token], subscriber });
  let requests = 0;
  const listener = getRequestListener(async (request) => {
    requests += 1;
    return gateway(request);
  });
  const server = createServer((request, response) => void listener(request, response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === "object" && address ? address.port : 0}`,
    requests: () => requests,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
