import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { Agent, request as httpRequest } from "node:http";
import { connect as connectTcp } from "node:net";
import { setImmediate, setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createGateway, type Gateway } from "../../src/gateway/index.ts";
import { startChild, vitals } from "./child.ts";
import { type Checker, createChecker, neglected, type Send } from "./fuzz-check.ts";
import { type Fuzzed, fuzzedRequest, maxBody } from "./fuzz-requests.ts";
import { openScene } from "./open-gateway.ts";
import { sized } from "../support/long.ts";
import { bearer, token } from "./token.ts";

// 100,000 requests in all, and a twentieth of them in `npm test`. A failure prints its seed; FUZZ_SEED repeats it, or tries another.
const inProcess = sized(89_000, 4_500);
const overHttp = sized(10_000, 500);
const rawSockets = sized(1_000, 60);
const atOnce = 100;

const seed = Number(process.env["FUZZ_SEED"] ?? 20_261_121);
const scene = openScene({ maxBody });

const batch = fc.array(fuzzedRequest, { minLength: atOnce, maxLength: atOnce });

/** Runs a check on freshly made inputs. What broke names itself; a batch of a hundred would hide it. */
async function fuzz<T>(inputs: fc.Arbitrary<T>, numRuns: number, check: (input: T) => Promise<void>): Promise<void> {
  const result = await fc.check(fc.asyncProperty(inputs, check), { numRuns, seed, endOnFailure: true });
  if (!result.failed) return;
  const { errorInstance, counterexamplePath } = result;
  throw new Error(`FUZZ_SEED=${seed}, path ${counterexamplePath}: ${String(errorInstance)}`);
}

/** Hands the request to a gateway in this process. Some bodies come as streams, and some lie about their length. */
function direct(gateway: Gateway): Send {
  return async ({ method, target, headers, body }) => {
    const size = body?.length ?? 0;
    const lie = body !== null && size % 7 === 0 ? { "content-length": "1" } : {};
    const stream = size % 5 === 0 && body !== null ? new Blob([body.slice()]).stream() : body;
    const init = { method, headers: { ...headers, ...lie }, body: stream, duplex: "half" } as RequestInit;
    return answerOf(await gateway(new Request(`http://gateway${target}`, init)));
  };
}

async function answerOf(response: Response) {
  return {
    status: response.status,
    contentType: response.headers.get("content-type"),
    syncToken: response.headers.get("upstash-sync-token"),
    text: await response.text(),
  };
}

function overSockets(url: string, agent: Agent): Send {
  return ({ method, target, headers, body }) =>
    new Promise((resolve, reject) => {
      const { hostname, port } = new URL(url);
      const length = body === null ? {} : { "content-length": body.length };
      const options = { hostname, port, method, path: target, headers: { ...headers, ...length }, agent };
      const request = httpRequest(options, (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => (text += chunk));
        response.on("error", reject);
        response.on("end", () =>
          resolve({
            status: response.statusCode ?? 0,
            contentType: response.headers["content-type"] ?? null,
            syncToken: response.headers["upstash-sync-token"]?.toString() ?? null,
            text,
          }),
        );
      });
      request.on("error", reject);
      request.end(body);
    });
}

/** A connection that is given up half-way, or that speaks something else. */
interface RawCall {
  readonly request: Fuzzed;
  readonly chunked: boolean;
  /** How much of the bytes is sent. */
  readonly share: number;
  readonly garbage: Uint8Array;
  readonly end: "destroy" | "reset" | "finish" | "linger";
}

const rawCall: fc.Arbitrary<RawCall> = fc.record({
  request: fuzzedRequest,
  chunked: fc.boolean(),
  share: fc.double({ min: 0, max: 1, noNaN: true }),
  garbage: fc.oneof({ weight: 4, arbitrary: fc.constant(new Uint8Array()) }, { weight: 1, arbitrary: fc.uint8Array() }),
  end: fc.constantFrom("destroy", "reset", "finish", "linger"),
});

function bytesOf({ request, chunked, share, garbage }: RawCall): Buffer {
  const body = Buffer.from(request.body ?? []);
  const framed = chunked
    ? Buffer.concat([Buffer.from(`${body.length.toString(16)}\r\n`), body, Buffer.from("\r\n0\r\n\r\n")])
    : body;
  const framing = chunked ? "Transfer-Encoding: chunked" : `Content-Length: ${body.length}`;
  const headers = Object.entries(request.headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const head = `${request.method} ${request.target} HTTP/1.1\r\nHost: x\r\n${headers.join("")}${framing}\r\n\r\n`;
  const whole = Buffer.concat([Buffer.from(head, "latin1"), framed]);
  return Buffer.concat([garbage, whole.subarray(0, Math.floor(whole.length * share))]);
}

async function callRaw(url: string, call: RawCall): Promise<void> {
  const { hostname, port } = new URL(url);
  const socket = connectTcp(Number(port), hostname);
  const closed = new Promise<void>((resolve) => void socket.on("close", () => resolve()));
  socket.on("error", () => {});
  socket.resume();
  socket.write(bytesOf(call));
  if (call.end === "finish") socket.end();
  if (call.end === "linger") await sleep(20);
  if (call.end === "destroy") await sleep(1);
  if (call.end === "reset") await sleep(1).then(() => socket.resetAndDestroy());
  else if (call.end !== "finish") socket.destroy();
  await closed;
}

/** Sends a body of unknown length as fast as the other side reads it, and goes on whatever is answered. */
async function uploadUntilAnswered(url: string, size: number): Promise<number> {
  const { hostname, port } = new URL(url);
  const socket = connectTcp(Number(port), hostname);
  let answer = "";
  socket.on("data", (data) => (answer += String(data)));
  socket.on("error", () => {});
  const closed = new Promise((resolve) => void socket.on("close", resolve));
  socket.write(
    `POST /set/x HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nTransfer-Encoding: chunked\r\n\r\n`,
  );
  const piece = `10000\r\n${"x".repeat(65_536)}\r\n`;
  for (let sent = 0; sent < size && socket.writable; sent += 65_536) {
    if (!socket.write(piece))
      await Promise.race([new Promise((resolve) => void socket.once("drain", resolve)), closed]);
    // Who never looks for an answer meanwhile may lose it: the connection ends with a reset.
    await setImmediate();
  }
  socket.end("0\r\n\r\n");
  await closed;
  return Number(/^HTTP\/1.1 (\d+)/.exec(answer)?.[1]);
}

async function callAll(url: string, calls: readonly RawCall[]): Promise<void> {
  await Promise.all(calls.map((call) => callRaw(url, call)));
}

/** How many clients Redis has. */
async function redisClients(): Promise<number> {
  const list = await scene.redis.send(["CLIENT", "LIST"]);
  return String(list).trim().split("\n").length;
}

async function settled(child: ChildProcess, sockets: number, timeout = 10_000): Promise<void> {
  await expect.poll(async () => (await vitals(child)).sockets, { timeout, interval: 100 }).toBe(sockets);
}

const total = ({ tally }: Checker) => [...tally.values()].reduce((sum, count) => sum + count, 0);

describe("requests that nobody thought of", () => {
  it(`${inProcess} of them, called directly, are each answered as the protocol says`, async () => {
    const check = createChecker(direct(createGateway(scene.redis, { tokens: [token], maxBody })));
    await fuzz(batch, inProcess / atOnce, check);
    expect(total(check)).toBe(inProcess);
    expect(neglected(check, sized(200, 5))).toEqual([]);
    expect(await scene.redis.send(["PING"])).toBe("PONG");
  }, 300_000);

  it(`${overHttp} over HTTP and ${rawSockets} given up half-way leave a live process without a leak`, async () => {
    const { child, url, stop } = await startChild(scene.server.port, maxBody);
    try {
      const ping = () => fetch(`${url}/ping`, { headers: { ...bearer, connection: "close" } });
      expect((await ping()).status).toBe(200);
      await settled(child, 1);
      const before = { ...(await vitals(child)), clients: await redisClients() };
      const agent = new Agent({ keepAlive: true, maxSockets: 16 });
      const check = createChecker(overSockets(url, agent));
      await Promise.all([
        fuzz(batch, overHttp / atOnce, check),
        fuzz(fc.array(rawCall, { minLength: 20, maxLength: 20 }), rawSockets / 20, (calls) => callAll(url, calls)),
      ]);
      agent.destroy();
      expect(total(check)).toBe(overHttp);
      expect(neglected(check, sized(20, 1))).toEqual([]);
      await settled(child, before.sockets);
      expect(await redisClients()).toBe(before.clients);
      expect(await (await ping()).text()).toBe('{"result":"PONG"}');
      expect(child.exitCode).toBeNull();
      expect((await vitals(child)).megabytes - before.megabytes).toBeLessThan(300);
    } finally {
      await stop();
    }
  }, 300_000);
});

it("30 uploads of 100 MB at once cost no memory, and each is told 413", async () => {
  const { child, url, stop } = await startChild(scene.server.port, maxBody);
  try {
    const before = await vitals(child);
    const uploads = Array.from({ length: 30 }, () => uploadUntilAnswered(url, 100 * 1_048_576));
    const statuses = await Promise.all(uploads);
    expect(new Set(statuses)).toEqual(new Set([413]));
    expect((await vitals(child)).megabytes - before.megabytes).toBeLessThan(200);
    await settled(child, 1);
  } finally {
    await stop();
  }
}, 60_000);

describe("the checker rejects", () => {
  const answer = (
    text: string,
    { status = 200, headers = {} }: { status?: number; headers?: Record<string, string> } = {},
  ) =>
    new Response(text, {
      status,
      headers: { "content-type": "application/json", "upstash-sync-token": String(Math.random()), ...headers },
    });

  /** A gateway that is right except for one request in ten, which is answered by `fault`. */
  function sometimes(fault: (request: Request) => Promise<Response>): Gateway {
    const gateway = createGateway(scene.redis, { tokens: [token], maxBody });
    let calls = 0;
    return (request) => ((calls += 1) % 10 === 0 ? fault(request) : gateway(request));
  }

  const fuzzed = (gateway: Gateway, patience?: number) => fuzz(batch, 5, createChecker(direct(gateway), patience));

  const faults: readonly [string, string, (request: Request) => Promise<Response>][] = [
    ["throws", "it failed with", () => Promise.reject(new TypeError("broken"))],
    ["hangs", "no answer within", () => new Promise(() => {})],
    ["answers HTML", "no JSON", async () => answer("<h1>Bad Gateway</h1>", { status: 400 })],
    [
      "answers another content type",
      "the content type",
      async () => answer("{}", { headers: { "content-type": "text/html" } }),
    ],
    ["answers 500", "the status 500", async () => answer('{"error":"ERR"}', { status: 500 })],
    ["answers without a result", "no result", async () => answer("{}")],
    ["answers result and error", "no result", async () => answer('{"result":1,"error":"x"}')],
    ["answers 400 without an error", "400 without an error", async () => answer("{}", { status: 400 })],
    ["lets everybody in", "instead of 401", async () => answer('{"result":1}')],
    ["lets nobody in", "401 in spite of", async () => answer('{"error":"WRONGPASS"}', { status: 401 })],
    [
      "repeats its sync token",
      "the sync token",
      async () => answer('{"result":1}', { headers: { "upstash-sync-token": "1" } }),
    ],
    ["tells the token", "the token in", async () => answer(JSON.stringify({ error: `no ${token}` }), { status: 400 })],
  ];

  it.each(faults)("a gateway that %s", async (name, complaint, fault) => {
    await expect(fuzzed(sometimes(fault), name === "hangs" ? 300 : undefined)).rejects.toThrow(complaint);
  });

  it("but not the gateway as it is", async () => {
    const gateway = createGateway(scene.redis, { tokens: [token], maxBody });
    await expect(fuzzed(gateway)).resolves.toBeUndefined();
  });

  it("a process that keeps a connection", async () => {
    const { child, url, stop } = await startChild(scene.server.port, maxBody);
    const { sockets } = await vitals(child);
    const kept = connectTcp(Number(new URL(url).port), "127.0.0.1");
    await once(kept, "connect");
    await settled(child, sockets + 1);
    await expect(settled(child, sockets, 1_000)).rejects.toThrow("expected");
    kept.destroy();
    await settled(child, sockets);
    await stop();
  });
});
