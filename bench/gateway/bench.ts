// The gateway beside the least that node:http can do, each in a process of its own: `npm run bench -- gateway`.
import { rowOfBefore, thisCheckout } from "../harness/checkout.ts";
import type { Contender, Load } from "../harness/contender.ts";
import { run } from "../harness/run.ts";
import { atOnce } from "../harness/work.ts";
import { startRedis } from "../../test/support/redis-server.ts";
import { type Connection, openConnection, requestOf } from "./connection.ts";
import { serverOf, type ServerProcess, type Start } from "./process.ts";

const token = "the-token-of-the-bench";

const note =
  "Of CPU, less is better. node:http parses the body and answers in JSON; it knows neither tokens nor the protocol.";
const commands = Array.from({ length: 20 }, (_, i) => [
  "SET",
  `k${i}`,
  "v;abcdefghijkl 1234567",
  "PX",
  "86400000",
  "GET",
]);

await run("gateway", async (bench) => {
  const { before } = bench;
  const server = await startRedis();
  const loads = [loadOf(1, 3_000), loadOf(8, 8_000), loadOf(64, 12_000)];
  await bench.measure({
    title: "Gateway, Redis stubbed: one command a request",
    note,
    loads,
    contenders: stubbed(before),
  });
  await bench.measure({
    title: "Gateway with Redis: one command a request",
    note,
    loads,
    contenders: withRedis(server.port, before),
  });
  await server.stop();
});

/** How many connections, each of which sends its next request when it has the answer to the last one. */
function loadOf(connections: number, calls: number): Load<ServerProcess> {
  const name = `${connections} at a time`;
  return {
    calls,
    columns: [
      { name, unit: "us of CPU", better: "less" },
      { name, unit: "requests/s", better: "more" },
    ],
    async run(server, calls) {
      const requests = commands.map((command) => requestOf(server.url, token, command));
      const clients = await Promise.all(Array.from({ length: connections }, () => openConnection(server.url)));
      const idle: Connection[] = [...clients];
      const ask = async (i: number) => {
        const client = idle.pop();
        const request = requests[i % requests.length];
        if (!client || !request) throw new Error("more calls than connections");
        await client.ask(request);
        idle.push(client);
      };
      const before = await server.cpu();
      const time = await atOnce(connections, calls, ask);
      const cpu = (await server.cpu()) - before;
      for (const client of clients) client.close();
      return [cpu / calls, (calls / time) * 1_000];
    },
  };
}

function stubbed(before?: string): readonly Contender<ServerProcess>[] {
  return [
    ...gateways({ kind: "gateway, stubbed", checkout: thisCheckout }, before),
    serverOf("node:http, the answer is fixed", "limit", { kind: "node:http, stubbed", checkout: thisCheckout }),
  ];
}

function withRedis(redis: number, before?: string): readonly Contender<ServerProcess>[] {
  const checkout = thisCheckout;
  return [
    ...gateways({ kind: "gateway", redis, checkout }, before),
    serverOf("node:http and ioredis", "limit", { kind: "node:http", redis, checkout }),
    serverOf("node:http, the answer is fixed", "limit", { kind: "node:http, stubbed", checkout }),
  ];
}

function gateways(start: Start, before: string | undefined): readonly Contender<ServerProcess>[] {
  return [
    serverOf("redis-patterns gateway", "ours", start),
    serverOf("redis-patterns gateway, again", "control", start),
    ...rowOfBefore(before, (name, checkout) => serverOf(name, "other", { ...start, checkout })),
  ];
}
