import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startCuttingProxy } from "../support/cutting-proxy.ts";
import { freePort, type RedisServer, startRedis } from "../support/redis-server.ts";
import { bundleCli, type Cli, prepareCli } from "./cli-process.ts";
import { expectSoon, openEvents } from "./event-reader.ts";
import { bearer, token } from "./token.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
let cli: Cli;
let redis: RedisServer;

beforeAll(async () => {
  redis = await startRedis();
  cli = await prepareCli();
});

afterAll(async () => {
  await redis.stop();
  await cli.stop();
});

const run: Cli["run"] = (...args) => cli.run(...args);

async function start(args: readonly string[] = [], env: Record<string, string> = {}) {
  const started = run(["gateway", "--redis", `redis://127.0.0.1:${redis.port}`, "--port", "0", ...args], env);
  await expect.poll(() => started.output.stdout, { timeout: 10_000 }).toMatch(/\n$/);
  return { ...started, url: /^Gateway: (http:\S+) for redis:\S+\n$/.exec(started.output.stdout)?.[1] ?? "" };
}

const ping = async (url: string) => (await fetch(`${url}/ping`, { headers: bearer })).text();

describe("redis-patterns gateway", () => {
  it("says where it listens, on the loopback interface, and serves", async () => {
    const { url, child, output, exit } = await start(["--token", token]);
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(await ping(url)).toBe('{"result":"PONG"}');
    child.kill("SIGINT");
    expect(await exit).toBe(0);
    // The default user may do everything.
    expect(output.stderr).toMatch(/^warning: scripts of this Redis user may run MIGRATE and SWAPDB, [^\n]*\n$/);
  });

  it("takes the Redis and the token from the environment", async () => {
    const port = await freePort();
    const env = { REDIS_URL: `redis://127.0.0.1:${redis.port}`, UPSTASH_REDIS_REST_TOKEN: token, PORT: String(port) };
    const { child, output, exit } = run(["gateway"], env);
    await expect
      .poll(() => output.stdout, { timeout: 10_000 })
      .toBe(`Gateway: http://127.0.0.1:${port} for redis://127.0.0.1:${redis.port}\n`);
    expect(await ping(`http://127.0.0.1:${port}`)).toBe('{"result":"PONG"}');
    child.kill("SIGTERM");
    expect(await exit).toBe(0);
  });

  it("takes several tokens, some of which only read", async () => {
    const second = `second-${token}`;
    const { url, child, exit } = await start(["--token", token, "--token", second, "--read-only-token", `r-${token}`]);
    const set = async (given: string) =>
      (await fetch(`${url}/set/x/1`, { headers: { authorization: `Bearer ${given}` } })).text();
    expect(await set(token)).toBe('{"result":"OK"}');
    expect(await set(second)).toBe('{"result":"OK"}');
    expect(await set(`r-${token}`)).toMatch(/NOPERM/);
    child.kill("SIGTERM");
    expect(await exit).toBe(0);
  });

  it("answers what has begun before it ends, and nothing after", async () => {
    const { url, child, exit } = await start(["--token", token]);
    await ping(url);
    redis.pause();
    const answer = ping(url);
    await new Promise((resolve) => setTimeout(resolve, 200));
    child.kill("SIGTERM");
    await expect
      .poll(() =>
        fetch(url).then(
          () => "open",
          () => "closed",
        ),
      )
      .toBe("closed");
    redis.resume();
    expect(await answer).toBe('{"result":"PONG"}');
    expect(await exit).toBe(0);
  });

  it("streams messages over a second connection, which is made for the first stream, and ends them with itself", async () => {
    const { url, child, exit } = await start(["--token", token, "--heartbeat", "50", "--max-streams", "1"]);
    const admin = new Redis(redis.port);
    const connections = async () =>
      String(await admin.client("LIST"))
        .trim()
        .split("\n").length;
    const before = await connections();
    const stream = await openEvents(`${url}/psubscribe/news:*`);
    await expect.poll(() => stream.events).toEqual(["psubscribe,news:*,1"]);
    expect(await connections()).toBe(before + 1);
    expect((await fetch(`${url}/subscribe/x`, { headers: bearer })).status).toBe(429);
    await fetch(`${url}/publish/news:1/hello`, { headers: bearer });
    await expect.poll(() => stream.events.at(-1)).toBe("pmessage,news:*,news:1,hello");
    await expect.poll(() => stream.comments).toBeGreaterThan(1);
    const began = performance.now();
    child.kill("SIGTERM");
    expect(await exit).toBe(0);
    // Not after the five seconds that a request may take.
    expect(performance.now() - began).toBeLessThan(4_000);
    await expect.poll(() => stream.isOpen).toBe(false);
    admin.disconnect();
  });

  it("starts without Redis, answers 503, and says when it is gone and back", async () => {
    const own = await startRedis();
    const port = await freePort();
    await own.kill();
    const { child, output, exit } = run([
      "gateway",
      "--redis",
      `redis://127.0.0.1:${own.port}`,
      "--port",
      String(port),
      "--token",
      token,
    ]);
    await expect.poll(() => output.stderr, { timeout: 10_000 }).toBe("Redis is not reachable: ECONNREFUSED\n");
    const url = `http://127.0.0.1:${port}`;
    await expect.poll(() => ping(url).catch(String)).toMatch(/^\{"error":"ERR Redis is unavailable; /);
    expect(output.stdout).toBe("");
    await own.restart();
    await expect.poll(() => output.stderr, { timeout: 15_000 }).toMatch(/\nRedis is reachable\n/);
    await expect.poll(() => output.stdout).toBe(`Gateway: ${url} for redis://127.0.0.1:${own.port}\n`);
    expect(await ping(url)).toBe('{"result":"PONG"}');
    child.kill("SIGTERM");
    expect(await exit).toBe(0);
    await own.stop();
  });

  it("names its Redis, and never its password", async () => {
    const admin = new Redis(redis.port);
    await admin.acl("SETUSER", "app", "on", ">s3cret", "~*", "&*", "+@all", "-@dangerous", "-@admin", "+info");
    const args = [
      "gateway",
      "--redis",
      `redis://app:s3cret@127.0.0.1:${redis.port}/1`,
      "--port",
      "0",
      "--token",
      token,
    ];
    const { child, output, exit } = run(args);
    await expect.poll(() => output.stdout, { timeout: 10_000 }).toMatch(/ for redis:\/\/127\.0\.0\.1:\d+\/1\n$/);
    child.kill("SIGTERM");
    await exit;
    // This user may run neither of the commands that scripts could hide.
    expect(output.stderr).toBe("");
    expect(output.stdout).not.toContain("s3cret");
    admin.disconnect();
  });

  it("says that its own list alone decides where the user may not run COMMAND", async () => {
    const admin = new Redis(redis.port);
    await admin.acl("SETUSER", "mute", "on", ">s3cret", "~*", "+@all", "-@dangerous", "+info", "-command");
    const { child, output, exit, url } = await start([
      "--redis",
      `redis://mute:s3cret@127.0.0.1:${redis.port}`,
      "--token",
      token,
    ]);
    expect(output.stderr).toMatch(/^warning: this Redis user may not run COMMAND: /);
    const post = await fetch(`${url}/post/x`, { headers: bearer });
    expect(await post.text()).toMatch(/ERR Command is not available: 'POST'/);
    child.kill("SIGTERM");
    await exit;
    admin.disconnect();
  });

  it("goes on within 5 s after a failover and after a connection that fell silent", async () => {
    const old = await startRedis();
    const proxy = await startCuttingProxy(old);
    const { child, exit, url } = await start(["--redis", `redis://127.0.0.1:${proxy.port}`, "--token", token]);
    const set = async () => (await fetch(`${url}/set/x/1`, { headers: bearer })).text();
    expect(await set()).toBe('{"result":"OK"}');
    const admin = new Redis(old.port);
    await admin.replicaof("127.0.0.1", 1);
    expect(await set()).toMatch(/READONLY/);
    await admin.replicaof("NO", "ONE");
    await expect.poll(set, { timeout: 5_000 }).toBe('{"result":"OK"}');
    proxy.blackHole(true);
    const lost = set();
    await expect.poll(() => lost, { timeout: 5_000 }).toMatch(/Redis is unavailable/);
    proxy.blackHole(false);
    await expect.poll(set, { timeout: 5_000 }).toBe('{"result":"OK"}');
    child.kill("SIGTERM");
    await exit;
    admin.disconnect();
    await proxy.stop();
    await old.stop();
  });

  it("notices that its connection for messages died without a sign, and says so in each stream", async () => {
    const proxy = await startCuttingProxy(redis);
    const { child, exit, url } = await start([
      ...["--redis", `redis://127.0.0.1:${proxy.port}`, "--token", token],
      ...["--heartbeat", "200"],
    ]);
    const stream = await openEvents(`${url}/subscribe/news`);
    await expectSoon(() => stream.events).toEqual(["subscribe,news,1"]);
    proxy.forget();
    await expectSoon(() => stream.events).toEqual(["subscribe,news,1", "subscribe,news,1"]);
    const admin = new Redis(redis.port);
    await admin.publish("news", "hello");
    await expectSoon(() => stream.events.at(-1)).toBe("message,news,hello");
    child.kill("SIGTERM");
    expect(await exit).toBe(0);
    admin.disconnect();
    await proxy.stop();
  });

  it("has flags for the limits and for the origins of pages", async () => {
    const { child, exit, url } = await start(
      "--token,TOKEN,--max-body,1000,--max-commands,2,--cors-origin,https://a.b".replace("TOKEN", token).split(","),
    );
    const send = (body: string) =>
      fetch(`${url}/pipeline`, { method: "POST", body, headers: { ...bearer, origin: "https://a.b" } });
    expect((await send("x".repeat(1_001))).status).toBe(413);
    expect(await (await send('[["PING"],["PING"],["PING"]]')).text()).toMatch(
      /too many commands in one request. Limit: 2/,
    );
    expect((await send('[["PING"]]')).headers.get("access-control-allow-origin")).toBe("https://a.b");
    child.kill("SIGTERM");
    await exit;
  });

  it("serves numbers beyond 2^53 exactly", async () => {
    const { url, child, exit } = await start(["--token", token]);
    const body = '[["SET","big",9007199254740992],["INCR","big"],["STRLEN","big"]]';
    const answer = await fetch(`${url}/pipeline`, { method: "POST", body, headers: bearer });
    expect(await answer.text()).toBe('[{"result":"OK"},{"result":9007199254740993},{"result":16}]');
    child.kill("SIGTERM");
    await exit;
  });
});

describe("wrong usage", () => {
  it.each([
    ["no token", ["gateway"], /a gateway needs a token/],
    ["an empty token", ["gateway", "--token", ""], /`tokens` must be/],
    ["a token with a space", ["gateway", "--token", "a b"], /`tokens` must be/],
    ["a port that is none", ["gateway", "--token", token, "--port", "http"], /--port must be/],
    ["a port out of range", ["gateway", "--token", token, "--port", "65536"], /--port must be/],
    ["a Redis that is no URL", ["gateway", "--token", token, "--redis", "localhost"], /--redis must be/],
    [
      "a Redis with an unencoded password",
      ["gateway", "--token", token, "--redis", "redis://u:12#w@h"],
      /--redis must be/,
    ],
    [
      "a Redis with a bad percent",
      ["gateway", "--token", token, "--redis", "redis://u:12%w@h"],
      /--redis must be .*%25/,
    ],
    ["a Redis whose password makes it no URL", ["gateway", "--token", token, "--redis", "redis://u:p#w@h"], /%23/],
    ["a body of no bytes", ["gateway", "--token", token, "--max-body", "0"], /--max-body must be/],
    ["commands without a number", ["gateway", "--token", token, "--max-commands", "x"], /--max-commands must be/],
    ["streams without a number", ["gateway", "--token", token, "--max-streams", "0"], /--max-streams must be/],
    ["a heart that never beats", ["gateway", "--token", token, "--heartbeat", "0"], /--heartbeat must be/],
    ["an origin with a path", ["gateway", "--token", token, "--cors-origin", "https://a.b/c"], /--cors-origin must be/],
    ["an unknown option", ["gateway", "--nope"], /unknown option '--nope'/],
    ["an unknown command", ["nope"], /unknown command 'nope'/],
    ["no command", [], /Usage: redis-patterns/],
  ])("%s: a message, the exit code 2, and nothing served", async (_, args, message) => {
    const { exit, output } = run(args);
    expect(await exit).toBe(2);
    expect(output.stderr).toMatch(message);
    expect(output.stdout).toBe("");
  });

  it("is no secret's way to the terminal", async () => {
    const { exit, output } = run(["gateway", "--token", "to ken", "--redis", "http://:password@host"]);
    expect(await exit).toBe(2);
    expect(output.stderr).not.toMatch(/password|to ken/);
  });

  it.each(["redis://u:s3cret#w@h", "redis://u:s3cret%zz@h", "redis://u:s3cret/w@h", "redis://u:s3cret?@h", "s3cret"])(
    "names REDIS_URL and not what is in it: %s",
    async (url) => {
      for (const args of [["gateway", "--token", token], ["ping"], ["ping", "--full", "--cluster"]]) {
        const { exit, output } = run(args, { REDIS_URL: url });
        expect(await exit).toBe(2);
        expect(output.stdout).toBe("");
        expect(output.stderr).toMatch(/^error: REDIS_URL must be a URL that begins with redis:/);
        expect(output.stderr).not.toContain("s3cret");
      }
    },
  );

  it("--version says that of the package", async () => {
    const { exit, output } = run(["--version"]);
    expect(await exit).toBe(0);
    const { version } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
    expect(output.stdout).toBe(`${version}\n`);
  });

  it("--help exits with 0", async () => {
    const { exit, output } = run(["gateway", "--help"]);
    expect(await exit).toBe(0);
    expect(output.stdout).toMatch(/--read-only-token/);
    expect(output.stdout).toMatch(/Examples:\n/);
  });

  it("warns of a token that can be guessed and of an address that others reach", async () => {
    const { child, exit, output } = await start(["--token", "short", "--host", "0.0.0.0"]);
    child.kill("SIGTERM");
    await exit;
    expect(output.stderr).toMatch(/warning: a token of less than 24 characters can be guessed/);
    expect(output.stderr).toMatch(/warning: other machines can reach this address/);
  });

  it("says that a port is taken, and exits with 1", async () => {
    const { url, child, exit } = await start(["--token", token]);
    const { exit: second, output } = run(["gateway", "--token", token, "--port", new URL(url).port]);
    expect(await second).toBe(1);
    expect(output.stderr).toMatch(/EADDRINUSE/);
    child.kill("SIGTERM");
    await exit;
  });

  it("says which package is missing where ioredis is not installed", async () => {
    const lonely = await mkdtemp(join(tmpdir(), "redis-patterns-"));
    const file = join(lonely, "cli.mjs");
    await bundleCli(file);
    const { exit, output } = run(["gateway", "--token", token], {}, file);
    expect(await exit).toBe(1);
    expect(output.stderr).toBe("error: The gateway needs the package ioredis: npm install ioredis\n");
    // What brings its own Redis needs none, and what does not says the same.
    const served = run(["dev", "--redis", "redis://localhost", "--http-port", "0"], {}, file);
    expect(await served.exit).toBe(1);
    expect(served.output.stderr).toBe(output.stderr);
    const dev = run(["dev", "--port", "0", "--http-port", "0"], {}, file);
    await expect.poll(() => dev.output.stdout, { timeout: 10_000 }).toMatch(/_TOKEN=/);
    dev.child.kill("SIGTERM");
    expect(await dev.exit).toBe(0);
    await rm(lonely, { recursive: true });
  });
});

it("the gateway itself is bundled without any package or node: module", async () => {
  const outfile = join(cli.dir, "gateway.js");
  await build({
    entryPoints: [join(root, "src/gateway/index.ts")],
    outfile,
    bundle: true,
    format: "esm",
    platform: "neutral",
    logLevel: "error",
  });
  expect(await readFile(outfile, "utf8")).not.toMatch(/\bimport\b|\brequire\(|\bBuffer\b|\bprocess\./);
});
