import { once } from "node:events";
import { describe, expect, it } from "vitest";
import type { Redis } from "../../src/core/port/redis.ts";
import { serveGateway } from "../../src/cli/serve.ts";
import { startChild, vitals } from "./child.ts";
import { openScene } from "./open-gateway.ts";
import { open } from "./open-socket.ts";
import { bearer, token } from "./token.ts";

// What only the command line tool's own server sees: the bytes of a request as the client sent them.
const scene = openScene();

/** Sends a request with its path as it is. */
async function askRaw(url: string, target: string, method = "GET"): Promise<string> {
  const socket = await open(url);
  socket.write(
    `${method} ${target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nConnection: close\r\n\r\n`,
  );
  let text = "";
  for await (const chunk of socket) text += String(chunk);
  return `${/^HTTP\/1.1 (\d+)/.exec(text)?.[1]} ${text.slice(text.indexOf("\r\n\r\n") + 4)}`;
}

describe("a path over HTTP is literal", () => {
  it.each([
    ["/hset/../flushall/1", "/hget/../flushall", '200 {"result":"1"}'],
    ["/hset/%2e%2e/flushdb/2", "/hget/%2e%2e/flushdb", '200 {"result":"2"}'],
    ["/set/k/.", "/get/k", '200 {"result":"."}'],
    ["/set/k/..", "/get/k", '200 {"result":".."}'],
    ["/set/./v", "/get/.", '200 {"result":"v"}'],
    ["/set/k/a\\b", "/get/k", '200 {"result":"a\\\\b"}'],
    ["/set/k/a;b,c=d:e@f", "/get/k", '200 {"result":"a;b,c=d:e@f"}'],
    ["/set/k/a|b{c}^`", "/get/k", '200 {"result":"a|b{c}^`"}'],
  ])("%s, then %s", async (write, read, answer) => {
    const url = await scene.serve();
    await askRaw(url, "/set/witness/1");
    expect(await askRaw(url, write)).toMatch(/^200 /);
    expect(await askRaw(url, read)).toBe(answer);
    expect(await askRaw(url, "/exists/witness")).toBe('200 {"result":1}');
  });

  it("also where it stands in a whole URL, as a proxy's client sends it", async () => {
    const url = await scene.serve();
    expect(await askRaw(url, "http://gateway/hget/../flushall")).toBe('200 {"result":"1"}');
    expect(await askRaw(url, "http://gateway?x")).toMatch(/^405 /);
  });

  it("and is no command where it is no path", async () => {
    expect(await askRaw(await scene.serve(), "*", "OPTIONS")).toMatch(/^405 /);
  });
});

describe("a client that leaves", () => {
  it("is no fault: onError hears nothing, in any route, whatever it waits for", async () => {
    const faults: unknown[] = [];
    let asked = 0;
    const waits = (_: unknown, options?: { readonly signal?: AbortSignal | undefined }) =>
      new Promise<never>((_, reject) => {
        asked += 1;
        options?.signal?.addEventListener("abort", () => reject(options.signal?.reason));
      });
    const patient: Redis = { send: waits, pipeline: waits, transaction: waits };
    const gateway = await serveGateway(patient, { tokens: [token], onError: (error) => faults.push(error) });
    const caller = new AbortController();
    const asks = [
      ["/", '["GET","x"]'],
      ["/pipeline", '[["GET","x"]]'],
      ["/multi-exec", '[["GET","x"]]'],
      ["/set/x", "value"],
    ].map(([path, body = ""]) =>
      fetch(gateway.url + path, { method: "POST", body, headers: bearer, signal: caller.signal }).catch(String),
    );
    await expect.poll(() => asked).toBe(4);
    caller.abort();
    await Promise.all(asks);
    await gateway.close();
    expect(faults).toEqual([]);
  });
});

describe("uploads that nobody wants", () => {
  it("end with 413 long before they are read whole", async () => {
    const url = await scene.serve({ maxBody: 1_000 });
    const socket = await open(url);
    socket.write(
      `POST /set/x HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nTransfer-Encoding: chunked\r\n\r\n`,
    );
    let text = "";
    socket.on("data", (chunk) => (text += String(chunk)));
    const closed = new Promise((resolve) => socket.once("close", resolve));
    const piece = Buffer.from(`10000\r\n${"x".repeat(65_536)}\r\n`);
    // A client that sends 200 MB whatever it is told.
    for (let i = 0; i < 3_200 && !socket.destroyed; i += 1) {
      if (!socket.write(piece)) await Promise.race([once(socket, "drain"), closed]).catch(() => {});
    }
    socket.destroy();
    expect(text).toMatch(/^HTTP\/1.1 413 /);
    expect(socket.bytesWritten).toBeLessThan(50_000_000);
  });

  it("170 that are cut, and 300 connections that say nothing more, harm nobody and leave nothing", async () => {
    const { child, url, stop } = await startChild(scene.server.port, 10 * 1024 * 1024);
    const ping = async () => (await fetch(`${url}/ping`, { headers: bearer })).text();
    try {
      expect(await ping()).toBe('{"result":"PONG"}');
      const before = await vitals(child);
      const head = `POST /set/x HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Length: 5000000\r\n\r\n`;
      const idle = await Promise.all(Array.from({ length: 300 }, () => open(url)));
      idle.forEach((socket, i) => i % 2 === 0 && socket.write("POST /set/x HTT"));
      const uploads = await Promise.all(Array.from({ length: 170 }, () => open(url)));
      for (const socket of uploads) socket.write(head + "x".repeat(60_000));
      expect(await Promise.all(Array.from({ length: 20 }, ping))).toEqual(Array(20).fill('{"result":"PONG"}'));
      for (const socket of [...uploads, ...idle]) socket.destroy();
      expect(await ping()).toBe('{"result":"PONG"}');
      await expect
        .poll(async () => (await vitals(child)).sockets, { timeout: 10_000 })
        .toBeLessThan(before.sockets + 20);
      expect((await vitals(child)).megabytes).toBeLessThan(before.megabytes + 150);
    } finally {
      await stop();
    }
  });
});

describe("pages of other origins", () => {
  const origin = "https://app.example";
  const preflight = (url: string, from = origin) =>
    fetch(`${url}/pipeline`, {
      method: "OPTIONS",
      headers: {
        origin: from,
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,upstash-encoding",
      },
    });
  const serve = async (...corsOrigins: string[]) => {
    const gateway = await serveGateway(scene.redis, { tokens: [token], corsOrigins });
    return gateway;
  };

  it("read nothing by default", async () => {
    const url = await scene.serve();
    expect((await preflight(url)).status).toBe(405);
    const answer = await fetch(`${url}/ping`, { headers: { ...bearer, origin } });
    expect(answer.headers.get("access-control-allow-origin")).toBeNull();
  });

  it("ask and read where theirs is listed, refusals included", async () => {
    const gateway = await serve("https://other.example", origin);
    const asked = await preflight(gateway.url);
    expect(asked.status).toBe(204);
    expect(Object.fromEntries(asked.headers)).toMatchObject({
      "access-control-allow-origin": origin,
      "access-control-allow-headers": "authorization,upstash-encoding",
      "access-control-allow-methods": "GET, HEAD, POST, PUT",
      vary: "Origin",
    });
    for (const headers of [{ ...bearer, origin }, { origin }]) {
      const answer = await fetch(`${gateway.url}/ping`, { headers });
      expect(answer.headers.get("access-control-allow-origin")).toBe(origin);
      expect(answer.headers.get("vary")).toBe("Origin");
    }
    await gateway.close();
  });

  it("do not where it is another", async () => {
    const gateway = await serve(origin);
    for (const from of ["https://app.example.evil", "http://app.example", "null"]) {
      expect((await preflight(gateway.url, from)).headers.get("access-control-allow-origin")).toBeNull();
    }
    await gateway.close();
  });

  it("all do with *", async () => {
    const gateway = await serve("*");
    expect((await preflight(gateway.url, "null")).headers.get("access-control-allow-origin")).toBe("*");
    await gateway.close();
  });
});
