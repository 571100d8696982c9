import type { Socket } from "node:net";
import { Redis as Upstash } from "@upstash/redis";
import { describe, expect, it } from "vitest";
import type { ConnectionError } from "../../src/core/errors.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { serveGateway } from "../../src/cli/serve.ts";
import { createGateway } from "../../src/gateway/index.ts";
import { openScene } from "./open-gateway.ts";
import { open } from "./open-socket.ts";
import { bearer, token } from "./token.ts";

const scene = openScene({}, 1_000);
const tooLarge = '{"error":"ERR max request size exceeded. Limit: 1000 bytes"}';

/** Reads until the text is there. */
async function read(socket: Socket, wanted: string): Promise<string> {
  let text = "";
  for await (const chunk of socket) {
    text += String(chunk);
    if (text.includes(wanted)) return text;
  }
  throw new Error(`The connection ended before ${wanted}, after ${text}`);
}

function deferred() {
  let resolve: (value: unknown) => void = () => {};
  const promise = new Promise<unknown>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

function chunks(count: number, size: number): ReadableStream<Uint8Array> {
  let left = count;
  return new ReadableStream({
    pull(controller) {
      if (left === 0) return controller.close();
      left -= 1;
      controller.enqueue(new Uint8Array(size).fill(120));
    },
  });
}

const upload = (body: BodyInit, headers = bearer) => ({ method: "POST", body, headers, duplex: "half" }) as RequestInit;

describe("a body above the limit", () => {
  it.each([
    ["announced", () => "x".repeat(1_001)],
    ["sent in pieces without a length", () => chunks(11, 100)],
  ])("is answered with 413 when %s", async (_, body) => {
    const url = await scene.serve({ maxBody: 1_000 });
    for (const path of ["/", "/pipeline", "/multi-exec", "/set/x"]) {
      const response = await fetch(url + path, upload(body()));
      expect({ status: response.status, text: await response.text() }).toEqual({ status: 413, text: tooLarge });
    }
    expect(await fetch(`${url}/set/x`, upload(chunks(10, 100))).then((response) => response.text())).toBe(
      '{"result":"OK"}',
    );
    expect(await scene.redis.send(["STRLEN", "x"])).toBe(1_000);
  });

  it("is counted as it arrives, whatever length was announced", async () => {
    const gateway = createGateway(scene.redis, { tokens: [token], maxBody: 1_000 });
    let pulled = 0;
    const endless = new ReadableStream({
      pull(controller) {
        pulled += 1;
        controller.enqueue(new Uint8Array(100));
      },
    });
    const headers = { ...bearer, "content-length": "10" };
    const response = await gateway(new Request("http://gateway/set/x", upload(endless, headers)));
    expect({ status: response.status, text: await response.text() }).toEqual({ status: 413, text: tooLarge });
    expect(pulled).toBeLessThan(15);
  });

  it("is answered while the client still uploads, and the connection is not cut under it", async () => {
    const url = await scene.serve({ maxBody: 1_000 });
    const socket = await open(url);
    const head = `POST /set/x HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nTransfer-Encoding: chunked\r\n\r\n`;
    socket.write(head + `7d0\r\n${"x".repeat(2_000)}\r\n`);
    const answer = await read(socket, tooLarge);
    expect(answer).toMatch(/^HTTP\/1.1 413 /);
    socket.destroy();
  });

  it("is reported to @upstash/redis as what it is, and not sent again", async () => {
    let seen = 0;
    const gateway = await serveGateway(scene.redis, { tokens: [token], maxBody: 100_000 });
    const redis = new Upstash({ url: gateway.url, token });
    redis.use((request, next) => {
      seen += 1;
      return next(request);
    });
    await expect(redis.set("x", "x".repeat(5_000_000))).rejects.toThrow("ERR max request size exceeded");
    expect(seen).toBe(1);
    expect(await redis.ping()).toBe("PONG");
    await gateway.close();
  });

  it("applies to the number of commands too", async () => {
    const gateway = createGateway(scene.redis, { tokens: [token], maxCommands: 2 });
    const send = async (path: string, count: number) => {
      const body = JSON.stringify(Array.from({ length: count }, () => ["PING"]));
      return (await gateway(new Request(`http://gateway${path}`, upload(body)))).text();
    };
    for (const path of ["/pipeline", "/multi-exec"]) {
      expect(await send(path, 2)).toBe('[{"result":"PONG"},{"result":"PONG"}]');
      expect(await send(path, 3)).toBe('{"error":"ERR too many commands in one request. Limit: 2"}');
    }
  });

  it("leaves room for 10 MB, and for 100,000 arguments, by default", async () => {
    const url = await scene.serve();
    const value = "v".repeat(10 * 1024 * 1024 - 100);
    const set = await fetch(url, upload(JSON.stringify(["SET", "large", value])));
    expect(await set.text()).toBe('{"result":"OK"}');
    expect(await scene.redis.send(["STRLEN", "large"])).toBe(value.length);
    const words = ["SADD", "many", ...Array.from({ length: 100_000 }, (_, i) => i)];
    expect(await fetch(url, upload(JSON.stringify(words))).then((response) => response.text())).toBe(
      '{"result":100000}',
    );
  });
});

describe("over real HTTP", () => {
  it("answers HEAD without a body on a connection that lives on", async () => {
    const socket = await open(await scene.serve());
    const ask = `/ping HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n\r\n`;
    socket.write(`HEAD ${ask}GET ${ask}`);
    const text = await read(socket, '{"result":"PONG"}');
    expect(text.match(/HTTP\/1.1 200 OK/g)).toHaveLength(2);
    expect(text.match(/PONG/g)).toHaveLength(1);
    socket.destroy();
  });

  it.each([
    ["no HTTP at all", "hello\r\n\r\n", 400],
    ["a request without a host", "GET /ping HTTP/1.1\r\n\r\n", 400],
    ["a malformed host", "GET /ping HTTP/1.1\r\nHost: a b\r\n\r\n", 400],
    ["a path of 100 kB", `GET /get/${"x".repeat(100_000)} HTTP/1.1\r\nHost: x\r\n\r\n`, 431],
    ["two contradicting lengths", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400],
  ])("answers %s in JSON", async (_, request, status) => {
    const socket = await open(await scene.serve());
    socket.write(request);
    const answer = await read(socket, "}");
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(JSON.parse(answer.slice(answer.indexOf("\r\n\r\n")))).toEqual({ error: expect.stringMatching(/^ERR /) });
    socket.destroy();
  });

  it("answers 401 to an upload that it does not read, and then the next request", async () => {
    const url = await scene.serve();
    for (let i = 0; i < 3; i += 1) {
      const response = await fetch(`${url}/set/x`, upload("x".repeat(1_000_000), { authorization: "Bearer no" }));
      expect(response.status).toBe(401);
      await response.text();
    }
    expect((await fetch(`${url}/ping`, { headers: bearer })).status).toBe(200);
  });

  it("tells the client of Redis that the caller hung up, so that what waits is not sent", async () => {
    const aborted = deferred();
    const begun = deferred();
    const patient: Redis = {
      send: (_, options) =>
        new Promise((_, reject) => {
          begun.resolve(null);
          options?.signal?.addEventListener("abort", () => {
            aborted.resolve(options.signal?.reason);
            reject(options.signal?.reason);
          });
        }),
      pipeline: () => Promise.resolve([]),
    };
    const gateway = await serveGateway(patient, { tokens: [token] });
    const caller = new AbortController();
    const answer = fetch(`${gateway.url}/get/x`, { headers: bearer, signal: caller.signal });
    await begun.promise;
    caller.abort();
    await expect(answer).rejects.toThrow("aborted");
    expect(await aborted.promise).toBeDefined();
    await gateway.close();
  });

  it("does not change the program's own Request and Response", async () => {
    const before = [globalThis.Request, globalThis.Response];
    await scene.serve();
    expect([globalThis.Request, globalThis.Response]).toEqual(before);
    expect(new Response("x")).toBeInstanceOf(before[1] as typeof Response);
  });
});

describe("when Redis does not answer", () => {
  const asks = [
    ["/", '["GET","x"]'],
    ["/pipeline", '[["GET","x"]]'],
    ["/multi-exec", '[["GET","x"]]'],
  ] as const;

  /** The status and the time of each route. */
  async function answers(url: string) {
    return Promise.all(
      asks.map(async ([path, body]) => {
        const start = performance.now();
        const response = await fetch(url + path, { method: "POST", body, headers: bearer });
        const { error } = (await response.json()) as { error: string };
        return { status: response.status, error, late: performance.now() - start > 3_800 };
      }),
    );
  }

  it("answers 503 within the deadline while it is paused, and goes on when it is back", async () => {
    const errors: unknown[] = [];
    const url = await scene.serve({ onError: (error) => errors.push(error) });
    // From here on there is a connection.
    await fetch(`${url}/ping`, { headers: bearer });
    scene.server.pause();
    try {
      expect(await answers(url)).toEqual(
        asks.map(() => ({
          status: 503,
          error: "ERR Redis is unavailable; the command may have been executed",
          late: false,
        })),
      );
    } finally {
      scene.server.resume();
    }
    // The first deadline ends the silent connection, and with it what came a moment later.
    const codes = errors.map((error) => (error as ConnectionError).code);
    expect(codes).toHaveLength(3);
    expect(codes).toContain("TIMEOUT");
    expect(codes.filter((code) => !/^(TIMEOUT|CONNECTION)$/.test(code))).toEqual([]);
    expect((await scene.command("PING")).text).toBe('{"result":"PONG"}');
  });

  it("answers 503 while it is dead, and goes on when it is back", async () => {
    const url = await scene.serve();
    await scene.server.kill();
    const down = await answers(url);
    expect(down.map(({ status, late }) => ({ status, late }))).toEqual(asks.map(() => ({ status: 503, late: false })));
    expect(down.every(({ error }) => error.startsWith("ERR Redis is unavailable; "))).toBe(true);
    await scene.server.restart();
    await expect.poll(async () => (await scene.command("PING")).text, { timeout: 10_000 }).toBe('{"result":"PONG"}');
  });

  it("answers 500 to what should not happen, tells onError, and survives an onError that throws", async () => {
    const bug = new TypeError(`a bug that knows ${token}`);
    const broken: Redis = { send: () => Promise.reject(bug), pipeline: () => Promise.reject(bug) };
    const told: unknown[] = [];
    const gateway = createGateway(broken, {
      tokens: [token],
      onError: (error) => {
        told.push(error);
        throw new Error("the hook's own");
      },
    });
    const response = await gateway(new Request("http://gateway/get/x", { headers: bearer }));
    expect({ status: response.status, text: await response.text() }).toEqual({
      status: 500,
      text: '{"error":"ERR the gateway failed"}',
    });
    expect(told).toEqual([bug]);
  });
});
