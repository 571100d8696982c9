import { Redis as Client } from "ioredis";
import { ioredis } from "../../src/adapters/ioredis/ioredis.ts";
import { ioredisSubscriber } from "../../src/adapters/ioredis/subscriber.ts";
import { serveGateway } from "../../src/cli/serve.ts";
import { startRedis } from "../../test/support/redis-server.ts";
import { startEcho } from "./echo.ts";

/** Where to find Redis over TCP, the same through a gateway, and a server of node:http that answers without Redis. */
export interface Address {
  readonly host: string;
  readonly port: number;
  readonly url: string;
  readonly token: string;
  readonly echo: string;
}

export interface Scene {
  readonly at: Address;
  /** Looks at the server; it is nobody's connection. */
  readonly admin: Client;
  close(): Promise<void>;
}

/** Starts one redis-server, and in this process one gateway and one echo. */
export async function openScene(): Promise<Scene> {
  const token = "the-token-of-the-bench";
  const server = await startRedis();
  const { host, port } = server;
  const admin = new Client({ host, port });
  const behind = new Client({ host, port });
  const listening = behind.duplicate();
  const gateway = await serveGateway(ioredis(behind), { tokens: [token], subscriber: ioredisSubscriber(listening) });
  const echo = await startEcho();
  return {
    at: { host, port, url: gateway.url, token, echo: echo.url },
    admin,
    async close() {
      echo.close();
      await gateway.close(0);
      for (const client of [behind, listening, admin]) client.disconnect();
      await server.stop();
    },
  };
}
