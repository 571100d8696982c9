import { expect, it } from "vitest";
import type { Redis } from "../../src/core/port/redis.ts";
import { createGateway } from "../../src/gateway/index.ts";
import { openScene } from "./open-gateway.ts";
import { bearer, token } from "./token.ts";

const scene = openScene();
const callers = Array.from({ length: 100 }, (_, i) => `caller ${i}`);

/** Each caller writes its name and reads it back, again and again: whoever reads another's was interleaved. */
function conversation(caller: string, key: string): string {
  const pair = [
    ["SET", key, caller],
    ["GET", key],
  ];
  return JSON.stringify([...pair, ...pair, ...pair, ...pair, ...pair]);
}

type Fetch = (request: Request) => Promise<Response>;

async function foreignReads(url: string, key: string, send: Fetch): Promise<number> {
  const reads = await Promise.all(
    callers.map(async (caller) => {
      const body = conversation(caller, key);
      const response = await send(new Request(`${url}/multi-exec`, { method: "POST", body, headers: bearer }));
      const results = (await response.json()) as { result: string }[];
      expect(results).toHaveLength(10);
      return results.filter(({ result }, i) => i % 2 === 1 && result !== caller).length;
    }),
  );
  return reads.reduce((sum, foreign) => sum + foreign);
}

it("never interleaves 100 parallel transactions, nor the commands around them", async () => {
  const url = await scene.serve();
  const disturb = callers.map(() =>
    fetch(`${url}/set/atomic/disturbed`, { headers: bearer }).then((response) => response.text()),
  );
  expect(await foreignReads(url, "atomic", fetch)).toBe(0);
  await Promise.all(disturb);
});

it("would see the interleaving of a gateway that sends the commands one by one", async () => {
  const { redis } = scene;
  const oneByOne: Redis["pipeline"] = async (commands) => {
    const replies = [];
    for (const command of commands) replies.push(await redis.send(command));
    return replies;
  };
  const broken = createGateway({ ...redis, transaction: oneByOne }, { tokens: [token] });
  expect(await foreignReads("http://gateway", "broken", broken)).toBeGreaterThan(0);
});

it("says so where the client has no transactions, and sends nothing", async () => {
  const { send, pipeline } = scene.redis;
  const gateway = createGateway({ send, pipeline }, { tokens: [token] });
  const request = new Request("http://gateway/multi-exec", {
    method: "POST",
    body: '[["SET","untouched",1]]',
    headers: bearer,
  });
  const response = await gateway(request);
  expect(response.status).toBe(400);
  expect(await response.text()).toBe('{"error":"ERR /multi-exec needs a Redis client that has transactions"}');
  expect(await scene.redis.send(["EXISTS", "untouched"])).toBe(0);
});
