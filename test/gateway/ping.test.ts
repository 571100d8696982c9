import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { ioredis } from "../../src/adapters/ioredis/ioredis.ts";
import { ioredisSubscriber } from "../../src/adapters/ioredis/subscriber.ts";
import { trials } from "../../src/cli/ping/trials.ts";
import { serveGateway } from "../../src/cli/serve.ts";
import { createUser } from "../support/acl.ts";
import { startCluster } from "../support/cluster.ts";
import { freePort, type RedisServer, startRedis } from "../support/redis-server.ts";
import { type Cli, prepareCli } from "./cli-process.ts";
import { token } from "./token.ts";

let cli: Cli;
let server: RedisServer;
let admin: Redis;
const closing: (() => unknown)[] = [];

beforeAll(async () => {
  server = await startRedis();
  admin = new Redis({ host: server.host, port: server.port });
  cli = await prepareCli();
});
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});
afterAll(async () => {
  await cli.stop();
  admin.disconnect();
  await server.stop();
});

const url = (user = "") => `redis://${user}${server.host}:${server.port}`;

/** Runs the command to its end. */
async function ping(args: readonly string[], env: Record<string, string> = {}) {
  const { exit, output } = cli.run(["ping", ...args], env);
  const code = await exit;
  expect(output.stdout + output.stderr).not.toMatch(/:\/\/127|password-of|s3cret/);
  expect(output.stdout + output.stderr).not.toContain(token);
  return { code, ...output };
}

/** A URL with the login of the documented user, who may use keys of `shop`. */
async function userUrl(...also: string[]): Promise<string> {
  const { username, password } = await createUser(ioredis(admin), "app", { prefix: "shop", also });
  return url(`${username}:${password}@`);
}

const names = ["ping", ...trials.map(([name]) => name), "clean-up"];
const rowsOf = (table: string) =>
  new Map(
    table
      .split("\n")
      .slice(1, -1)
      .map((line) => [line.slice(0, 25).trim(), line.slice(25).trim()]),
  );

describe("redis-patterns ping", () => {
  it("says that all is well, by TCP and by HTTP", async () => {
    expect(await ping([], { REDIS_URL: url() })).toMatchObject({
      code: 0,
      stderr: "",
      stdout: expect.stringMatching(/^ok: Redis \(REDIS_URL\)/),
    });
    expect(await ping(["--redis", url()])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^ok: Redis \(--redis\)/),
    });
    const gateway = await serveGateway(ioredis(admin), { tokens: [token] });
    closing.push(() => gateway.close(0));
    for (const kind of ["UPSTASH_REDIS_REST", "KV_REST_API"]) {
      const env = { [`${kind}_URL`]: gateway.url, [`${kind}_TOKEN`]: token };
      expect(await ping([], env)).toMatchObject({ code: 0, stdout: expect.stringContaining(`(${kind}_URL)`) });
    }
    expect(await ping(["--rest", gateway.url, "--token", token])).toMatchObject({ code: 0 });
  });

  it("says what to do, and exits with 1", async () => {
    await admin.config("SET", "requirepass", "right");
    closing.push(() => admin.config("SET", "requirepass", ""));
    const wrong = await ping([], { REDIS_URL: url(":s3cret@") });
    expect(wrong).toMatchObject({
      code: 1,
      stdout: "",
      stderr: expect.stringMatching(/credentials\. Check the password/),
    });
    const nobody = await ping(["--redis", `redis://:s3cret@127.0.0.1:${await freePort()}`]);
    expect(nobody).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/unreachable\. Check the address.*ECONNREFUSED/),
    });
  });

  it("--full says of each pattern that it works, and leaves nothing", async () => {
    const env = { REDIS_URL: await userUrl("+subscribe", "+unsubscribe") };
    const { code, stdout, stderr } = await ping(["--full", "--prefix", "shop"], env);
    expect([code, stderr]).toEqual([0, ""]);
    expect([...rowsOf(stdout).keys()]).toEqual(names);
    for (const row of rowsOf(stdout).values()) expect(row).toMatch(/^ok +\d+\.\d ms$/);
    expect(await admin.keys("*")).toEqual([]);
  });

  it("--full says why it did not listen, which is no mistake of a user who only publishes", async () => {
    const { code, stdout } = await ping(["--full", "--prefix", "shop"], { REDIS_URL: await userUrl() });
    expect(code).toBe(0);
    const { "channel, heard": heard, ...others } = Object.fromEntries(rowsOf(stdout));
    expect(heard).toMatch(/^- +\d+\.\d ms +This user may not subscribe/);
    for (const row of Object.values(others)) expect(row).toMatch(/^ok/);
  });

  it("--full over HTTP, and on a Cluster", async () => {
    const gateway = await serveGateway(ioredis(admin), { tokens: [token] });
    closing.push(() => gateway.close(0));
    const env = { UPSTASH_REDIS_REST_URL: gateway.url, UPSTASH_REDIS_REST_TOKEN: token };
    const withoutStreams = await ping(["--full"], env);
    expect(withoutStreams).toMatchObject({ code: 0, stdout: expect.stringMatching(/^clean-up +ok/m) });
    expect(rowsOf(withoutStreams.stdout).get("channel, heard")).toMatch(/^- .*is not served by this gateway/);
    expect(await admin.keys("*")).toEqual([]);
    const listener = admin.duplicate();
    const streaming = await serveGateway(ioredis(admin), { tokens: [token], subscriber: ioredisSubscriber(listener) });
    closing.push(() => streaming.close(0).then(() => listener.disconnect()));
    const { stdout } = await ping(["--full", "--rest", streaming.url, "--token", token]);
    expect(rowsOf(stdout).get("channel, heard")).toMatch(/^ok/);
    const cluster = await startCluster();
    closing.push(() => cluster.stop());
    const [node] = cluster.nodes;
    const at = { REDIS_URL: `redis://${node?.host}:${node?.port}` };
    expect(await ping(["--full", "--cluster"], at)).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^channel, heard +ok[^]*^clean-up +ok/m),
    });
    expect(await ping(["--full"], at)).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/^ping +failed .*pass a Cluster client/m),
    });
  });

  it("--full says which patterns do not work and what to do, and cleans up after the others", async () => {
    const { code, stdout } = await ping(["--full", "--prefix", "shop"], { REDIS_URL: await userUrl("-hset") });
    expect(code).toBe(1);
    const rows = rowsOf(stdout);
    expect([...rows.keys()]).toEqual(names);
    expect(rows.get("session")).toMatch(/^failed +\d+\.\d ms +Let the user run .*(NOPERM|executing the script|hset)/);
    expect(rows.get("idempotency")).toMatch(/^ok/);
    expect(await admin.keys("*")).toEqual([]);
  });

  it("--no-channels is content with a user who has none", async () => {
    const env = { REDIS_URL: await userUrl("resetchannels") };
    expect(await ping(["--full", "--prefix", "shop"], env)).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/^ping +failed .*PUBLISH/m),
    });
    expect(await ping(["--full", "--prefix", "shop", "--no-channels"], env)).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^channel +- .*--no-channels$[^]*^channel, resumable +ok/m),
    });
  });

  it.each<[string, string[], Record<string, string>, RegExp]>([
    ["both ways at once", ["--redis", "redis://h", "--rest", "https://h"], {}, /exclude each other/],
    ["no token", ["--rest", "https://h"], {}, /UPSTASH_REDIS_REST_TOKEN/],
    ["a token with a space", ["--rest", "https://h", "--token", "s3cret s3cret"], {}, /`token` must be/],
    [
      "a REST URL that is none",
      [],
      { KV_REST_API_URL: "h?s3cret", KV_REST_API_TOKEN: "s3cret" },
      /^error: KV_REST_API_URL: /,
    ],
    ["a prefix with braces", ["--prefix", "{a}", "--redis", "redis://127.0.0.1:1"], {}, /`prefix` must not/],
  ])("%s: a message, and the exit code 2", async (_, args, env, message) => {
    expect(await ping(args, env)).toMatchObject({ code: 2, stdout: "", stderr: expect.stringMatching(message) });
  });

  it("--help has examples", async () => {
    const { exit, output } = cli.run(["ping", "--help"]);
    expect(await exit).toBe(0);
    expect(output.stdout).toMatch(/Examples:\n +redis-patterns ping\n/);
  });
});
