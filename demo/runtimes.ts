import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { serve } from "@hono/node-server";
import type { APIGatewayProxyEventV2 } from "aws-lambda";
import { build } from "esbuild";
import { Redis } from "ioredis";
import { Miniflare } from "miniflare";
import { ioredis, ioredisSubscriber } from "../src/adapters/ioredis/index.ts";
import { createApp } from "./app.ts";

/** One place where the application runs. */
export interface Runtime {
  readonly name: string;
  readonly transport: string;
  /** Sends one request there and gives the text of the answer. */
  ask(pathAndQuery: string): Promise<string>;
  close(): Promise<void>;
}

/** The three places. */
export type Runtimes = readonly [worker: Runtime, lambda: Runtime, node: Runtime];

/** The application in workerd, the runtime of Cloudflare Workers, without any Node module. */
export async function startWorker(gateway: string, token: string): Promise<Runtime> {
  const bundle = await build({
    entryPoints: [new URL("worker.ts", import.meta.url).pathname],
    bundle: true,
    format: "esm",
    target: "es2022",
    write: false,
  });
  const miniflare = new Miniflare({
    modules: [{ type: "ESModule", path: "worker.js", contents: bundle.outputFiles[0]?.text ?? "" }],
    compatibilityDate: "2026-07-01",
    compatibilityFlags: ["no_nodejs_compat"],
    bindings: { UPSTASH_REDIS_REST_URL: gateway, UPSTASH_REDIS_REST_TOKEN: token },
  });
  const url = await miniflare.ready;
  return {
    name: "Worker",
    transport: "HTTP",
    ask: async (path) => textOf(await fetch(new URL(path, url))),
    close: () => miniflare.dispose(),
  };
}

/** The application in a Lambda handler, called with the events that a function URL sends. */
export async function startLambda(redisUrl: string): Promise<Runtime> {
  process.env["REDIS_URL"] = redisUrl;
  const { handler, close } = await import("./lambda.ts");
  return {
    name: "Lambda",
    transport: "TCP",
    async ask(path) {
      const { statusCode, body } = await handler(functionUrlEvent(path));
      if (statusCode !== 200) throw new Error(`Lambda answered ${statusCode}: ${body}`);
      return body ?? "";
    },
    close: async () => close(),
  };
}

/** The application in an ordinary Node server. */
export async function startNode(redisUrl: string): Promise<Runtime> {
  const client = new Redis(redisUrl);
  const listener = client.duplicate();
  const app = createApp("Node", ioredis(client), ioredisSubscriber(listener));
  const server = serve({ fetch: app, port: 0, hostname: "127.0.0.1" });
  if (!server.listening) await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    name: "Node",
    transport: "TCP",
    ask: async (path) => textOf(await fetch(`http://127.0.0.1:${port}${path}`)),
    async close() {
      server.close();
      client.disconnect();
      listener.disconnect();
    },
  };
}

async function textOf(response: Response): Promise<string> {
  const text = await response.text();
  if (!response.ok) throw new Error(`${response.url} answered ${response.status}: ${text}`);
  return text;
}

function functionUrlEvent(path: string): APIGatewayProxyEventV2 {
  const { pathname, search } = new URL(path, "https://demo.lambda-url.eu-central-1.on.aws");
  return {
    version: "2.0",
    routeKey: "$default",
    rawPath: pathname,
    rawQueryString: search.slice(1),
    headers: {},
    isBase64Encoded: false,
    requestContext: {
      accountId: "anonymous",
      apiId: "demo",
      domainName: "demo.lambda-url.eu-central-1.on.aws",
      domainPrefix: "demo",
      http: { method: "GET", path: pathname, protocol: "HTTP/1.1", sourceIp: "192.0.2.1", userAgent: "demo" },
      requestId: crypto.randomUUID(),
      routeKey: "$default",
      stage: "$default",
      time: new Date().toUTCString(),
      timeEpoch: Date.now(),
    },
  };
}
