import { rest } from "../../src/adapters/rest/rest.ts";
import { type Asked, type Contender, rival, twice } from "../harness/contender.ts";
import { command, stubbedFetch } from "./stubbed-fetch.ts";

const at = { url: "http://127.0.0.1:1", token: "the-token-of-the-bench" };
const [, digest, , key, ...args] = command;
const close = () => {};

/** Clients of the REST protocol as they are by default: the calls of one tick share a request. */
export function batchingClients(): readonly Contender<Asked>[] {
  return [
    ...twice("redis-patterns/rest", async () => ours({})),
    { name: "@upstash/redis", role: "other", open: () => upstash({}) },
    { name: "the stub and JSON.parse, a request for each call", role: "limit", open: async () => stubAlone() },
  ];
}

/** The same, with a request for each call. */
export function unbatchedClients(): readonly Contender<Asked>[] {
  return [
    ...twice("redis-patterns/rest, batch: false", async () => ours({ batch: false })),
    { name: "@upstash/redis, no pipelining", role: "other", open: () => upstash({ enableAutoPipelining: false }) },
    { name: "the stub and JSON.parse", role: "limit", open: async () => stubAlone() },
  ];
}

function ours(options: { readonly batch?: boolean }): Asked {
  const redis = rest({ ...at, ...options });
  return { close, call: () => redis.send(command, { timeout: 30_000, idempotent: true }) };
}

async function upstash(options: object): Promise<Asked> {
  const { Redis } = await rival("@upstash/redis");
  const redis = new Redis({ ...at, ...options });
  return { close, call: () => redis.evalsha(digest, [key], args) };
}

function stubAlone(): Asked {
  const init = { body: JSON.stringify(command) };
  return { close, call: async () => JSON.parse(await (await stubbedFetch(at.url, init)).text()) };
}
