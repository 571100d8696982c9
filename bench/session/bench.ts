// A visit of ten requests, nine reads and one write, in real Express applications: `node bench/session/bench.ts [--quick]`.
// Medians of interleaved rounds, so that a noisy minute hits all alike; ratios are to this package.
import { Agent, type IncomingMessage, type OutgoingHttpHeaders, request } from "node:http";
import { Redis as Client } from "ioredis";
import { startRedis } from "../../test/support/redis-server.ts";
import { connectRedis, type Contestant, ours, readAndPersist } from "./contestants.ts";

const quick = process.argv.includes("--quick");
const rounds = quick ? 5 : 9;
const visits = quick ? 40 : 400;
const lanes = 8;
const agent = new Agent({ keepAlive: true, maxSockets: lanes });

const server = await startRedis();
const url = `redis://${server.host}:${server.port}`;
const admin = new Client(url);
const contestants = [await ours(url), await connectRedis(url), await readAndPersist(url)];
try {
  // Expressions that are compiled, scripts that the server knows.
  for (const contestant of contestants)
    for (let i = 0; i < 20; i += 1) await visit(contestant, await begin(contestant));
  const costs = new Map<string, Cost>();
  for (const contestant of contestants) costs.set(contestant.name, await costOf(contestant));
  const rates = new Map(contestants.map(({ name }) => [name, [] as number[]]));
  for (let round = 0; round < rounds; round += 1)
    for (const contestant of contestants) rates.get(contestant.name)?.push(await rateOf(contestant));
  const [first] = contestants;
  const base = median(rates.get(first?.name ?? "") ?? []);
  console.table(
    contestants.map(({ name }) => {
      const rate = median(rates.get(name) ?? []);
      return { name, ...costs.get(name), "requests/s": Math.round(rate), ratio: (rate / base).toFixed(2) };
    }),
  );
} finally {
  agent.destroy();
  for (const contestant of contestants) await contestant.close();
  admin.disconnect();
  await server.stop();
}
process.exit(0);

interface Cost {
  readonly commands: number;
  readonly writes: number;
  readonly "bytes in": number;
  readonly "bytes out": number;
}

/** Sends one request. The plain client of Node takes a third of the time of `fetch`, which would hide the differences. */
function ask(url: string, method: string, headers: OutgoingHttpHeaders = {}): Promise<[IncomingMessage, string]> {
  return new Promise((resolve, reject) => {
    const received = (response: IncomingMessage) => {
      let body = "";
      response.setEncoding("utf8").on("data", (part) => (body += part));
      response.on("end", () => resolve([response, body]));
    };
    request(url, { method, headers, agent }, received).on("error", reject).end();
  });
}

/** Logs a visitor in, outside of what is measured, and gives the cookie. */
async function begin({ url }: Contestant): Promise<string> {
  const [{ headers }] = await ask(url, "POST");
  return (headers["set-cookie"]?.[0] ?? "").split(";")[0] ?? "";
}

async function visit({ url }: Contestant, cookie: string): Promise<void> {
  for (let i = 0; i < 10; i += 1) {
    const [{ statusCode }, body] = await ask(url, i === 4 ? "POST" : "GET", { cookie });
    const { cart } = JSON.parse(body) as { cart: number };
    if (statusCode !== 200 || cart !== (i < 4 ? 1 : 2)) throw new Error(`the cart holds ${cart} at request ${i}`);
  }
}

/** What one visit asks of Redis: calls that a client sends, commands that change data, bytes either way. */
async function costOf(contestant: Contestant): Promise<Cost> {
  const cookie = await begin(contestant);
  await admin.config("RESETSTAT");
  const before = await bytes();
  await visit(contestant, cookie);
  const stats = await admin.info("commandstats");
  const after = await bytes();
  const calls = Object.fromEntries(
    [...stats.matchAll(/cmdstat_([a-z|]+):calls=(\d+)/g)].map(([, name, n]) => [name, Number(n)]),
  );
  const sum = (names: readonly string[]) => names.reduce((total, name) => total + (calls[name] ?? 0), 0);
  // A script's inner commands are no calls of the client, but its writes are writes.
  const sent = calls["evalsha"] ?? 0;
  const commands = sent > 0 ? sent : sum(["get", "set", "expire"]);
  const writes = sum(["set", "expire", "hset", "hdel", "zadd", "pexpireat"]);
  return { commands, writes, "bytes in": after.input - before.input, "bytes out": after.output - before.output };
}

async function bytes(): Promise<{ input: number; output: number }> {
  const stats = await admin.info("stats");
  const of = (name: string) => Number(new RegExp(`${name}:(\\d+)`).exec(stats)?.[1]);
  // The asking itself is counted too, alike for everybody.
  return { input: of("total_net_input_bytes"), output: of("total_net_output_bytes") };
}

async function rateOf(contestant: Contestant): Promise<number> {
  const cookies = await Promise.all(Array.from({ length: visits }, () => begin(contestant)));
  const start = performance.now();
  const lane = async () => {
    for (let cookie = cookies.pop(); cookie !== undefined; cookie = cookies.pop()) await visit(contestant, cookie);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return (visits * 10) / ((performance.now() - start) / 1_000);
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
