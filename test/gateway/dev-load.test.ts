import { readFileSync } from "node:fs";
import { createConnection } from "node:net";
import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, it } from "vitest";
import { rest } from "../../src/adapters/rest/rest.ts";
import { sized } from "../support/long.ts";
import { type Cli, prepareCli } from "./cli-process.ts";

/** How long it lasts, in milliseconds. */
const duration = sized(60_000, 3_000);
const clients = 200;

let cli: Cli;
beforeAll(async () => {
  cli = await prepareCli();
});
afterAll(() => cli.stop());

/** What one client does again and again: it knows what the answers must be. */
async function work(name: string, send: (...command: string[]) => Promise<unknown>, until: number): Promise<number> {
  let rounds = 0;
  while (performance.now() < until) {
    rounds += 1;
    const value = `${name} ${rounds} é漢`;
    expect(Number(await send("INCR", `${name}:n`))).toBe(rounds);
    expect(await send("SET", `${name}:v`, value)).toBe("OK");
    expect(await send("GET", `${name}:v`)).toBe(value);
    const script = "return redis.call('INCRBY', KEYS[1], ARGV[1])";
    expect(Number(await send("EVAL", script, "1", `${name}:s`, "2"))).toBe(2 * rounds);
    await send("INCR", "all");
  }
  return rounds;
}

/** Connects, asks, and leaves without the answer. */
function breakOff(port: number): void {
  const socket = createConnection(port, "127.0.0.1", () => {
    socket.write("*3\r\n$5\r\nBLPOP\r\n$7\r\nnothing\r\n$1\r\n0\r\n");
    setTimeout(() => socket.destroy(), 20);
  });
  socket.on("error", () => {});
}

/** Resident memory of a process, in MiB, where the system tells it. */
function memoryOf(pid: number | undefined): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kilobytes) / 1_024;
}

it(
  `serves ${clients} clients over TCP and HTTP at once, without a wrong answer, a lost session or a leak`,
  async () => {
    const { child, output, exit } = cli.run(["dev", "--port", "0", "--http-port", "0", "--quiet"]);
    await expect.poll(() => output.stdout, { timeout: 10_000 }).toMatch(/_TOKEN=\S+\n/);
    const variable = (name: string) => new RegExp(`^${name}=(\\S+)$`, "m").exec(output.stdout)?.[1] ?? "";
    const port = Number(new URL(variable("REDIS_URL")).port);
    const endpoint = { url: variable("UPSTASH_REDIS_REST_URL"), token: variable("UPSTASH_REDIS_REST_TOKEN") };
    const connections = Array.from({ length: clients / 2 }, () => new Redis({ port, maxRetriesPerRequest: 0 }));
    const until = performance.now() + duration;
    const leaving = setInterval(() => breakOff(port), 50);
    const early = new Promise<number>((resolve) => setTimeout(() => resolve(memoryOf(child.pid)), duration / 3));
    const rounds = await Promise.all([
      ...connections.map((client, i) => work(`tcp${i}`, (name, ...args) => client.call(name ?? "", ...args), until)),
      ...connections.map((_, i) => {
        const redis = rest({ ...endpoint, timeout: 30_000 });
        return work(`http${i}`, (name, ...args) => redis.send([name ?? "", ...args]), until);
      }),
    ]);
    clearInterval(leaving);
    const [first] = connections;
    expect(Number(await first?.get("all"))).toBe(rounds.reduce((sum, one) => sum + one, 0));
    for (const client of connections.slice(1)) client.disconnect();
    // The one that asks is left.
    await expect
      .poll(
        async () =>
          String(await first?.client("LIST"))
            .trim()
            .split("\n").length,
        { timeout: 10_000 },
      )
      .toBe(1);
    expect(memoryOf(child.pid) - (await early), "MiB that came to it since a third of the time").toBeLessThan(100);
    first?.disconnect();
    child.kill("SIGTERM");
    expect(await exit).toBe(0);
    expect(output.stderr).toBe("");
  },
  duration + 60_000,
);
