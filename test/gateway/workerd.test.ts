import type { Miniflare } from "miniflare";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startWorker } from "../support/workerd/bundle.ts";
import { openScene } from "./open-gateway.ts";
import { asBase64, bearer, token } from "./token.ts";

// A gateway in a Worker, in front of another one: it runs on web standards alone, and one serves all requests of its isolate.
const scene = openScene();
let worker: Miniflare;

beforeAll(async () => {
  const source = `
    import { rest } from "../../../src/adapters/rest/index.ts";
    import { createGateway } from "../../../src/gateway/index.ts";
    if (typeof process !== "undefined" || typeof Buffer !== "undefined") throw new Error("This is Node");
    let gateway;
    export default {
      fetch: (request, { REDIS, TOKEN }) =>
        (gateway ??= createGateway(rest({ url: REDIS, token: TOKEN, timeout: 60_000 }), { tokens: [TOKEN] }))(request),
    };`;
  worker = await startWorker(source, { bindings: { REDIS: await scene.serve(), TOKEN: token } });
}, 60_000);

afterAll(() => worker.dispose());

async function ask(path: string, body: string | null, headers: Record<string, string> = bearer) {
  const method = body === null ? "GET" : "POST";
  const response = await worker.dispatchFetch(`http://gateway${path}`, { method, body, headers });
  return `${response.status} ${await response.text()}`;
}

describe("a gateway in workerd", () => {
  it("speaks every route", async () => {
    expect(await ask("/", '["SET","k",1e21]')).toBe('200 {"result":"OK"}');
    expect(await ask("/get/k", null, asBase64)).toBe('200 {"result":"MWUyMQ=="}');
    expect(await ask("/pipeline", '[["GET","k"],["INCR","k"]]')).toBe(
      '200 [{"result":"1e21"},{"error":"ERR value is not an integer or out of range"}]',
    );
    expect(await ask("/multi-exec", '[["SET","k","ü"],["GET","k"]]')).toBe('200 [{"result":"OK"},{"result":"ü"}]');
    expect(await ask("/", '["EVAL","#!lua flags=allow-key-locking\\nreturn 7",0]')).toBe('200 {"result":7}');
    expect(await ask("/ping", null, {})).toBe('401 {"error":"WRONGPASS invalid or missing auth token"}');
  });

  it("serves many requests at once, each its own answer", async () => {
    const asked = Array.from({ length: 100 }, (_, i) => ask("/", `["ECHO","caller ${i}"]`));
    expect(await Promise.all(asked)).toEqual(asked.map((_, i) => `200 {"result":"caller ${i}"}`));
  });

  it("ends an upload that is too large", async () => {
    expect(await ask("/set/k", "x".repeat(11 * 1024 * 1024))).toMatch(/^413 /);
  });

  it("streams messages to the request that made it", async () => {
    const source = `
      import { createGateway } from "../../../src/gateway/index.ts";
      let left = 0;
      const listen = async (name, listener) => {
        const timer = setInterval(() => listener("hello", name), 20);
        return async () => {
          clearInterval(timer);
          left += 1;
        };
      };
      const redis = { send: async () => left, pipeline: async () => [] };
      export default {
        fetch: (request, { TOKEN }) =>
          createGateway(redis, {
            tokens: [TOKEN],
            subscriber: { subscribe: listen, psubscribe: listen },
            heartbeat: 10,
          })(request),
      };`;
    const streaming = await startWorker(source, { bindings: { TOKEN: token } });
    try {
      const response = await streaming.dispatchFetch("http://gateway/subscribe/a", { headers: bearer });
      expect(response.headers.get("content-type")).toBe("text/event-stream");
      const reader = response.body?.pipeThrough(new TextDecoderStream() as never).getReader();
      let text = "";
      while (!/^data: subscribe,a,1\n\n[^]*: \n\n[^]*data: message,a,hello\n\n/.test(text)) {
        text += String((await reader?.read())?.value);
      }
      await reader?.cancel();
    } finally {
      await streaming.dispose();
    }
  });
});
