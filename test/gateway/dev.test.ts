import { createServer } from "node:net";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { rest } from "../../src/adapters/rest/rest.ts";
import { createLimiter, fixedWindow } from "../../src/core/patterns/limiter/index.ts";
import { seconds } from "../../src/core/time/duration.ts";
import { type RedisServer, startRedis } from "../support/redis-server.ts";
import { type Cli, prepareCli } from "./cli-process.ts";
import { openEvents } from "./event-reader.ts";

let cli: Cli;
beforeAll(async () => {
  cli = await prepareCli();
});
afterAll(() => cli.stop());

/** Starts the command on free ports, and reads what it printed. */
async function start(args: readonly string[] = [], env: Record<string, string> = {}) {
  const ports = args.includes("--redis") ? [] : ["--port", "0"];
  const started = cli.run(["dev", ...ports, "--http-port", "0", ...args], env);
  await expect.poll(() => started.output.stdout, { timeout: 10_000 }).toMatch(/_TOKEN=\S+\n/);
  const variable = (name: string) => new RegExp(`^${name}=(\\S+)$`, "m").exec(started.output.stdout)?.[1] ?? "";
  const redisUrl = variable("REDIS_URL");
  const endpoint = { url: variable("UPSTASH_REDIS_REST_URL"), token: variable("UPSTASH_REDIS_REST_TOKEN") };
  return { ...started, redisUrl, endpoint };
}

function connect(url: string) {
  const client = new Redis(url, { maxRetriesPerRequest: 0 });
  client.on("error", () => {});
  onTestFinished(() => client.disconnect());
  return client;
}

/** A port that somebody listens on. */
async function takenPort() {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  onTestFinished(() => void server.close());
  const address = server.address();
  return String(typeof address === "object" ? address?.port : 0);
}

describe("redis-patterns dev", () => {
  it("serves one Redis over TCP and HTTP, says that it is for development, and ends cleanly", async () => {
    const began = performance.now();
    const { redisUrl, endpoint, output, child, exit } = await start();
    expect(performance.now() - began, "milliseconds until it is ready").toBeLessThan(5_000);
    expect(output.stdout.split("\n")[0]).toMatch(/for development only/);
    const client = connect(redisUrl);
    await client.set("greeting", "hello");
    expect(await rest(endpoint).send(["GET", "greeting"])).toBe("hello");
    child.kill("SIGINT");
    expect(await exit).toBe(0);
    expect(output.stderr).toBe("");
  });

  it("streams messages that come over HTTP and over TCP", async () => {
    const { redisUrl, endpoint, child, exit } = await start();
    const headers = { authorization: `Bearer ${endpoint.token}` };
    const stream = await openEvents(`${endpoint.url}/subscribe/news`, { headers });
    await rest(endpoint).send(["PUBLISH", "news", "over HTTP"]);
    await connect(redisUrl).publish("news", "over TCP");
    await expect
      .poll(() => stream.events)
      .toEqual(["subscribe,news,1", "message,news,over HTTP", "message,news,over TCP"]);
    child.kill("SIGINT");
    expect(await exit).toBe(0);
  });

  it("shows what happens: pattern, command, key and time, and what was refused", async () => {
    const { redisUrl, endpoint, output } = await start();
    const limiter = createLimiter(rest(endpoint), {
      prefix: "api",
      algorithm: fixedWindow({ limit: 2, window: seconds(60) }),
    });
    await limiter.limit("ada");
    await connect(redisUrl).lpush("greeting\u001b[2J", "x");
    await connect(redisUrl)
      .incr("greeting\u001b[2J")
      .catch(() => {});
    await expect.poll(() => output.stdout).toMatch(/ ms {2}limiter {5}EVAL {5}limiter:api:\{ada\}\S+\n/);
    await expect.poll(() => output.stdout).toMatch(/ ms {14}INCR {5}greeting\?\[2J {2}WRONGTYPE/);
    expect(output.stdout).toMatch(/NOSCRIPT: its text follows\n/);
    await connect(redisUrl)
      .call("\u001b[2J\u202ex".repeat(30))
      .catch(() => {});
    await expect.poll(() => output.stdout).toMatch(/ \?\[2J\?X\?\[2J.{80,90}… .*\n/);
    for (const unseen of ["\u001b", "\u202e"]) expect(output.stdout).not.toContain(unseen);
    expect(output.stdout).not.toMatch(/HELLO|CLIENT|INFO/);
  });

  it("counts what no eye can follow", async () => {
    const { redisUrl, output } = await start();
    const client = connect(redisUrl);
    await Promise.all(Array.from({ length: 2_000 }, (_, i) => client.set(`k${i}`, "v")));
    await expect.poll(() => output.stdout, { timeout: 5_000 }).toMatch(/and [\d,]+ more in this second\n/);
    expect(output.stdout.split("\n").length).toBeLessThan(700);
  });

  it("is quiet if it is asked to be", async () => {
    const { redisUrl, output } = await start(["--quiet"]);
    const before = output.stdout;
    await connect(redisUrl).set("k", "v");
    expect(output.stdout).toBe(before);
  });

  it("writes the variables to a file, keeps its other lines, and its token", async () => {
    const file = join(cli.dir, "variables");
    await writeFile(file, "SECRET=mine\nREDIS_URL=old\n# a comment\n");
    const first = await start(["--env", file]);
    first.child.kill("SIGTERM");
    expect(await first.exit).toBe(0);
    const second = await start(["--env", file]);
    expect(second.endpoint.token).toBe(first.endpoint.token);
    expect(await readFile(file, "utf8")).toBe(
      [
        "SECRET=mine",
        "# a comment",
        `REDIS_URL=${second.redisUrl}`,
        `UPSTASH_REDIS_REST_URL=${second.endpoint.url}`,
        `UPSTASH_REDIS_REST_TOKEN=${second.endpoint.token}`,
        "",
      ].join("\n"),
    );
    expect(await rest(second.endpoint).send(["PING"])).toBe("PONG");
  });

  it("takes its token from the environment", async () => {
    const { endpoint } = await start([], { UPSTASH_REDIS_REST_TOKEN: "chosen" });
    expect(endpoint.token).toBe("chosen");
  });

  it("refuses a port that is in use, or is none, and says what to do", async () => {
    for (const flag of ["--port", "--http-port"]) {
      const other = flag === "--port" ? "--http-port" : "--port";
      const port = await takenPort();
      const taken = cli.run(["dev", flag, port, other, "0"]);
      expect(await taken.exit).toBe(1);
      expect(taken.output.stderr).toBe(
        `error: port ${port} is in use: ${flag} takes another one, and ${flag} 0 picks a free one\n`,
      );
      const none = cli.run(["dev", flag, "http"]);
      expect(await none.exit).toBe(2);
      expect(none.output.stderr).toBe(`error: ${flag} must be a number from 0 to 65535\n`);
    }
  });

  it.each([
    [["--token", "a b"], 2, "error: --token (or UPSTASH_REDIS_REST_TOKEN) must be printable ASCII without spaces\n"],
    [["--token="], 2, "error: --token (or UPSTASH_REDIS_REST_TOKEN) must be printable ASCII without spaces\n"],
    [
      ["--redis", "redis://localhost", "--port", "1"],
      2,
      "error: --port is for the Redis in memory: leave it out, or leave out --redis\n",
    ],
    [
      ["--port", "0", "--http-port", "0", "--env", "no/such/folder"],
      1,
      "error: --env needs a file that can be written, and no/such/folder is none: ",
    ],
    [
      ["--port", "0", "--http-port", "0", "--env", "/"],
      1,
      "error: --env needs a file that can be written, and / is none: ",
    ],
  ])("refuses %s, and says what to do", async (args, code, message) => {
    const { exit, output } = cli.run(["dev", ...args]);
    expect(await exit).toBe(code);
    expect(output.stderr).toContain(message);
  });

  it("explains itself, with examples", async () => {
    const help = cli.run(["dev", "--help"]);
    expect(await help.exit).toBe(0);
    expect(help.output.stdout).toMatch(/For development only[\s\S]*Examples:/);
  });
});

describe("redis-patterns dev --redis", () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());

  it("serves a Redis of the user's over HTTP, and shows what comes that way", async () => {
    const url = `redis://127.0.0.1:${server.port}`;
    const { redisUrl, endpoint, output } = await start(["--redis", url]);
    expect(redisUrl).toBe(url);
    const redis = rest(endpoint);
    expect(
      await redis.pipeline([
        ["SET", "k", "v"],
        ["INCR", "k"],
      ]),
    ).toMatchObject(["OK", { code: "ERR" }]);
    expect(await connect(url).get("k")).toBe("v");
    const headers = { authorization: `Bearer ${endpoint.token}` };
    const stream = await openEvents(`${endpoint.url}/psubscribe/n*`, { headers });
    await connect(url).publish("news", "hello");
    await expect.poll(() => stream.events).toEqual(["psubscribe,n*,1", "pmessage,n*,news,hello"]);
    await expect.poll(() => output.stdout).toMatch(/SET {6}k\n.*INCR {5}k {2}ERR value is not an integer/);
  });

  it("refuses a URL that is none, and says what to do without ioredis", async () => {
    const wrong = cli.run(["dev", "--redis", "http://localhost"]);
    expect(await wrong.exit).toBe(2);
    expect(wrong.output.stderr).toMatch(/^error: .*--redis/);
  });
});
