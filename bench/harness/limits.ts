import { Agent, request } from "node:http";
import { Redis as Client } from "ioredis";
import { type Asked, type Contender, rival } from "./contender.ts";
import type { Address } from "./scene.ts";

/** What the machine can do at best: one command that does nothing, without anything of this package around it. */
export function tcpLimits({ host, port }: Pick<Address, "host" | "port">): readonly Contender<Asked>[] {
  const open = async () => {
    const client = new Client({ host, port });
    const digest = String(await client.script("LOAD", emptyScript));
    return { call: (id: string) => client.evalsha(digest, 1, id), close: () => client.disconnect() };
  };
  return [{ name: "EVALSHA of an empty script, ioredis", role: "limit", open }];
}

/** The same over HTTP, and what HTTP costs without Redis: requests that are not batched, to an echo of node:http. */
export function httpLimits(at: Address): readonly Contender<Asked>[] {
  return [
    { name: "EVALSHA of an empty script, @upstash/redis", role: "limit", open: () => emptyByUpstash(at) },
    { name: "bare fetch of an echo, unbatched", role: "limit", share, open: async () => bareFetch(at.echo) },
    { name: "node:http asks the echo, unbatched", role: "limit", share, open: async () => nodeHttp(at.echo) },
  ];
}

/** A request for each call takes longer, so that fewer calls show as much. */
const share = 0.25;
const emptyScript = "return 1";

async function emptyByUpstash({ url, token }: Address): Promise<Asked> {
  const { Redis } = await rival("@upstash/redis");
  const redis = new Redis({ url, token });
  const digest = await redis.scriptLoad(emptyScript);
  return { call: (id) => redis.evalsha(digest, [id], []), close: () => {} };
}

const headers = { "Content-Type": "application/json" };

function bodyOf(id: string): string {
  return JSON.stringify(["EVALSHA", "0123456789012345678901234567890123456789", 1, id]);
}

function bareFetch(url: string): Asked {
  const call = async (id: string) => (await fetch(url, { method: "POST", headers, body: bodyOf(id) })).json();
  return { call, close: () => {} };
}

function nodeHttp(url: string): Asked {
  const agent = new Agent({ keepAlive: true });
  const call = (id: string) =>
    new Promise((resolve, reject) => {
      const asked = request(url, { method: "POST", agent, headers }, (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (part: string) => (text += part));
        response.on("end", () => resolve(JSON.parse(text)));
      });
      asked.on("error", reject).end(bodyOf(id));
    });
  return { call, close: () => agent.destroy() };
}
