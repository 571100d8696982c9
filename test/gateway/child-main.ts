import { Redis } from "ioredis";
import { ioredis } from "../../src/adapters/ioredis/ioredis.ts";
import { ioredisSubscriber } from "../../src/adapters/ioredis/subscriber.ts";
import { serveGateway } from "../../src/cli/serve.ts";
import type { GatewayOptions } from "../../src/gateway/index.ts";
import { token } from "./token.ts";

/** What the process says about itself when asked. */
export interface Vitals {
  readonly sockets: number;
  readonly megabytes: number;
  /** What its objects take, after a collection where it can be asked for. */
  readonly heap: number;
}

// A process of its own, as in production: what kills it is seen.
const client = new Redis({ port: Number(process.env["REDIS_PORT"]), protocol: 2, stringNumbers: true });
const { STREAMS } = process.env;
const listener = client.duplicate({ lazyConnect: true });
const gateway = await serveGateway(ioredis(client), {
  tokens: [token],
  maxBody: Number(process.env["MAX_BODY"]),
  ...(STREAMS && { subscriber: ioredisSubscriber(listener), ...(JSON.parse(STREAMS) as Partial<GatewayOptions>) }),
});

process.on("message", () => {
  globalThis.gc?.();
  const { rss, heapUsed, external } = process.memoryUsage();
  const vitals: Vitals = {
    sockets: process.getActiveResourcesInfo().filter((name) => name === "TCPSocketWrap").length,
    megabytes: rss / 1_048_576,
    heap: (heapUsed + external) / 1_048_576,
  };
  process.send?.(vitals);
});
process.send?.(gateway.url);
