// What other limiters get wrong, done again beside ours on one redis-server: `npm run compare`.
import { Redis as Client } from "ioredis";
import { ioredis } from "../../src/adapters/ioredis/ioredis.ts";
import { rest } from "../../src/adapters/rest/rest.ts";
import { serveGateway } from "../../src/cli/serve.ts";
import { startCuttingProxy } from "../../test/support/cutting-proxy.ts";
import { startRedis } from "../../test/support/redis-server.ts";
import { run } from "../harness/run.ts";
import { type Bench, faults } from "./faults.ts";

const token = "the-token-of-the-bench";
const server = await startRedis();
const clients: Client[] = [];
const connect = (port = server.port) => {
  const client = new Client({ host: server.host, port });
  client.on("error", () => {});
  clients.push(client);
  return client;
};
const admin = connect();
const gateway = await serveGateway(ioredis(admin), { tokens: [token] });
const { hostname, port } = new URL(gateway.url);
const proxy = await startCuttingProxy({ host: hostname, port: Number(port) });
const bench: Bench = {
  admin,
  tcp: connect,
  http: { url: gateway.url, token },
  ours: ioredis(connect()),
  cut: { at: { url: `http://${proxy.host}:${proxy.port}`, token }, next: () => proxy.cutReplies() },
  oursCut: rest({ url: `http://${proxy.host}:${proxy.port}`, token }),
};

// A rival may leave a rejection behind that nobody handles; it is theirs, and told as such.
process.on("unhandledRejection", () => {});

await run("compare", async ({ tell }) => {
  for (const { title, rows } of faults) {
    await tell(title, async () => {
      const seen = [];
      for (const [name, look] of Object.entries(rows)) {
        await admin.flushdb();
        seen.push({ name, found: await look(bench) });
      }
      const columns = [...new Set(seen.flatMap(({ found }) => Object.keys(found)))];
      return {
        columns,
        rows: seen.map(({ name, found }) => ({ name, cells: columns.map((column) => found[column] ?? "-") })),
      };
    });
  }
  for (const client of clients) client.disconnect();
  await proxy.stop();
  await gateway.close(0);
  await server.stop();
});
