// One server in a process of its own, so that its CPU can be told from the client's: `node server.ts <kind> <Redis' port> <checkout>`.
import { join } from "node:path";
import { Redis as Client } from "ioredis";
import { startEcho } from "../harness/echo.ts";

/** What listens: a gateway, or the least that node:http can do; each before a Redis or a stub of one. */
export type Kind = "gateway, stubbed" | "gateway" | "node:http, stubbed" | "node:http";

const token = "the-token-of-the-bench";
const reply = [0, 99_999, 86_400_000];
const stub = {
  bytes: true,
  send: async () => reply,
  pipeline: async (commands: readonly unknown[]) => commands.map(() => reply),
  transaction: async (commands: readonly unknown[]) => commands.map(() => reply),
};

const [kind = "", port = "", checkout = ""] = process.argv.slice(2);
const { url } = await serve(kind as Kind);
process.send?.(url);
process.on("message", (message) => {
  if (message === "end") process.exit(0);
  process.send?.(process.cpuUsage());
});
// It does not outlive the bench.
process.on("disconnect", () => process.exit(0));

async function serve(kind: Kind): Promise<{ readonly url: string }> {
  if (kind === "node:http, stubbed") return startEcho();
  const client = kind.endsWith("stubbed") ? undefined : new Client({ host: "127.0.0.1", port: Number(port) });
  if (kind === "node:http") return startEcho((body) => answer(client, body));
  // By path: another checkout may be measured beside this one.
  const { serveGateway } = await import(join(checkout, "src/cli/serve.ts"));
  const { ioredis } = await import(join(checkout, "src/adapters/ioredis/ioredis.ts"));
  return serveGateway(client ? ioredis(client) : stub, { tokens: [token] });
}

function answer(client: Client | undefined, body: unknown): Promise<unknown> {
  const [name = "", ...args] = body as string[];
  return client ? client.call(name, ...args) : Promise.resolve(null);
}
