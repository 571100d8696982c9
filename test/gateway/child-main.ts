import { Redis } from "ioredis";
import { ioredis } from "../../src/adapters/ioredis/ioredis.ts";
import { serveGateway } from "../../src/cli/serve.ts";
import { token } from "./token.ts";

/** What the process says about itself when asked. */
export interface Vitals {
  readonly sockets: number;
  readonly megabytes: number;
}

// A process of its own, as in production: what kills it is seen.
const client = new Redis({ port: Number(process.env["REDIS_PORT"]), protocol: 2, stringNumbers: true });
const gateway = await serveGateway(ioredis(client), { tokens: [token], maxBody: Number(process.env["MAX_BODY"]) });

process.on("message", () => {
  const vitals: Vitals = {
    sockets: process.getActiveResourcesInfo().filter((name) => name === "TCPSocketWrap").length,
    megabytes: process.memoryUsage.rss() / 1_048_576,
  };
  process.send?.(vitals);
});
process.send?.(gateway.url);
