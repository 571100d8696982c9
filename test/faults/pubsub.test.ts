import { Redis as Ioredis } from "ioredis";
import { afterEach, describe, expect, it } from "vitest";
import { ioredis } from "../../src/adapters/ioredis/ioredis.ts";
import { ioredisSubscriber } from "../../src/adapters/ioredis/subscriber.ts";
import type { PatternEvent } from "../../src/core/event.ts";
import { isAbove } from "../../src/core/stream-id.ts";
import { type ChannelOptions, type Channels, polling } from "../../src/core/patterns/pubsub/index.ts";
import { sleep } from "../../src/core/wait/sleep.ts";
import { type HeardEvent, judge } from "../fixtures/channel-history.ts";
import { expectHeard, Heard, openResumable, until, stopAfterEach } from "../fixtures/channels.ts";
import { startCuttingProxy } from "../support/cutting-proxy.ts";
import { sized } from "../support/long.ts";
import { startRedis } from "../support/redis-server.ts";

type At = { readonly host: string; readonly port: number };

const stops = stopAfterEach();
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

function connect({ host, port }: At, more: object = {}): Ioredis {
  const client = new Ioredis({ host, port, retryStrategy: () => 20, ...more });
  client.on("error", () => {});
  closing.push(() => client.disconnect());
  return client;
}

async function start(...args: string[]) {
  const server = await startRedis(...args);
  closing.push(server.stop);
  return server;
}

const open = (at: At, options: Partial<ChannelOptions<string>> = {}) =>
  openResumable<string>(ioredis(connect(at)), {
    prefix: "p",
    subscriber: ioredisSubscriber(connect(at)),
    ...options,
  });

/** Publishes until each message is known to be there, under one name for all attempts. */
async function publishAll(channels: Channels<string>, publisher: number, count: number) {
  const published: { id: string; data: string }[] = [];
  for (let n = 0; n < count;) {
    const data = `${publisher}:${n}`;
    const done = await channels.publish("a", data, { requestId: data }).catch(() => sleep(5));
    if (!done) continue;
    published.push({ id: done.id ?? "", data });
    n += 1;
  }
  return published;
}

/** Four publishers, one subscriber, and what breaks them. Tells what is wrong with what was heard. */
async function tell(
  publishers: Channels<string>,
  reader: Channels<string>,
  count: number,
  disturb: () => Promise<void>,
) {
  const heard: HeardEvent[] = [];
  stops.push(
    await reader.subscribe("a", ({ id = "", data }) => heard.push({ id, data }), {
      onGap: ({ from, to }) => heard.push({ from, to }),
    }),
  );
  const publishing = Promise.all([0, 1, 2, 3].map((publisher) => publishAll(publishers, publisher, count / 4)));
  await disturb();
  const published = (await publishing).flat().toSorted((one, other) => (isAbove(one.id, other.id) ? 1 : -1));
  // What was lost with the last cut is found at the next message, when the connection is there again.
  const last = await publishAll(publishers, 4, 1);
  await until(() => expect(heard.at(-1)).toEqual(last[0]));
  return judge([...published, ...last], heard);
}

describe("a resumable channel over TCP", () => {
  it(
    "misses nothing and repeats nothing while the connections are cut 20 times",
    async () => {
      const count = sized(10_000, 500);
      const proxy = await startCuttingProxy(await start());
      closing.push(proxy.stop);
      const disturb = async () => {
        for (let cut = 0; cut < 20; cut += 1) {
          await sleep(sized(150, 20));
          proxy.reset();
        }
      };
      expect(await tell(open(proxy), open(proxy), count, disturb)).toEqual([]);
    },
    sized(300_000, 60_000),
  );

  it(
    "misses nothing and repeats nothing while it is polled through the same cuts",
    async () => {
      const proxy = await startCuttingProxy(await start());
      closing.push(proxy.stop);
      const disturb = async () => {
        for (let cut = 0; cut < 20; cut += 1) {
          await sleep(20);
          proxy.reset();
        }
      };
      const reader = open(proxy, { subscriber: polling({ every: 10 }) });
      expect(await tell(open(proxy), reader, sized(10_000, 500), disturb)).toEqual([]);
    },
    sized(300_000, 60_000),
  );

  it(
    "goes on where it was when the server was killed and started again, with appendfsync always",
    async () => {
      const server = await start("--appendonly", "yes", "--appendfsync", "always");
      const disturb = async () => {
        for (let kill = 0; kill < sized(5, 2); kill += 1) {
          await sleep(100);
          await server.kill();
          await server.restart();
        }
      };
      expect(await tell(open(server), open(server), sized(4_000, 400), disturb)).toEqual([]);
    },
    sized(300_000, 60_000),
  );

  it("tells once of what was trimmed while the connection was down", async () => {
    const server = await start();
    const proxy = await startCuttingProxy(server);
    closing.push(proxy.stop);
    const heard = new Heard<string>();
    const events: PatternEvent[] = [];
    const onEvent = (event: PatternEvent) => void events.push(event);
    const options = { onGap: heard.onGap, onReconnect: heard.onReconnect };
    const client = connect(proxy, { retryStrategy: () => 300 });
    const reader = open(server, { subscriber: ioredisSubscriber(client), onEvent });
    stops.push(await reader.subscribe("a", heard.listen, options));
    const writer = open(server);
    const { id: first } = await writer.publish("a", "1");
    await expectHeard(heard, ["1"]);
    proxy.reset();
    const { id: second } = await writer.publish("a", "2");
    await writer.publish("a", "3");
    await connect(server).xtrim("channel:p:{a}:log", "MAXLEN", 1);
    await expectHeard(heard, ["1", "gap", "3"]);
    expect(heard.gaps).toEqual([{ name: "a", from: first, to: second }]);
    expect(heard.reconnects).toBe(1);
    expect(events.map(({ type }) => type).toSorted()).toEqual(["gap", "reconnected"]);
  });

  it("tells once that everything was deleted, at the next message or when it is connected again", async () => {
    const server = await start();
    const heard = new Heard<string>();
    const channels = open(server);
    stops.push(await channels.subscribe("a", heard.listen, { onGap: heard.onGap }));
    await channels.publish("a", "1");
    await expectHeard(heard, ["1"]);
    await connect(server).flushall();
    await channels.publish("a", "2");
    await channels.publish("a", "3");
    await expectHeard(heard, ["1", "gap", "2", "3"]);
  });

  it("finds a last message that was lost on a living connection by `check`, and asks for nothing without it", async () => {
    const server = await start();
    const admin = connect(server);
    const [checked, idle] = [new Heard<string>(), new Heard<string>()];
    const channels = open(server);
    stops.push(await channels.subscribe("a", checked.listen, { check: 50 }));
    stops.push(await channels.subscribe("a", idle.listen));
    // It is kept, and its announcement reaches nobody.
    await open(server, { prefix: "other" }).publish("a", "1");
    await admin.rename("channel:other:{a}:log", "channel:p:{a}:log");
    await admin.rename("channel:other:{a}:last", "channel:p:{a}:last");
    await expectHeard(checked, ["1"]);
    expect(idle.all).toEqual([]);
    await channels.publish("a", "2");
    await expectHeard(idle, ["1", "2"]);
  });

  it("keeps a message that its user may not announce, and says so", async () => {
    const server = await start();
    const admin = connect(server);
    await admin.call("ACL", "SETUSER", "mute", "on", ">secret", "~*", "+@all", "resetchannels");
    const events: PatternEvent[] = [];
    const mute = openResumable<string>(ioredis(connect(server, { username: "mute", password: "secret" })), {
      prefix: "p",
      onEvent: (event) => void events.push(event),
    });
    const heard = new Heard<string>();
    const channels = open(server);
    stops.push(await channels.subscribe("a", heard.listen));
    expect(await mute.publish("a", "1")).toMatchObject({ receivers: 0 });
    expect(events).toMatchObject([{ type: "unannounced", id: "a", error: { code: "NOPERM" } }]);
    await channels.publish("a", "2");
    await expectHeard(heard, ["1", "2"]);
  });

  it("tells of reads that fail and reads again, without another message", async () => {
    const server = await start();
    const proxy = await startCuttingProxy(server);
    closing.push(proxy.stop);
    const events: PatternEvent[] = [];
    const heard = new Heard<string>();
    const port = ioredis(connect(proxy), { timeout: 200 });
    const reader = openResumable<string>(port, {
      prefix: "p",
      subscriber: ioredisSubscriber(connect(server)),
      onEvent: (event) => void events.push(event),
    });
    stops.push(await reader.subscribe("a", heard.listen));
    proxy.blackHole(true);
    const writer = open(server);
    const admin = connect(server);
    await writer.publish("a", "1");
    await expectHeard(heard, ["1"]);
    await open(server, { prefix: "other" }).publish("a", "2");
    const [entry] = await admin.xrange("channel:other:{a}:log", "-", "+");
    await admin.xadd("channel:p:{a}:log", entry?.[0] ?? "", "1", `${await admin.get("channel:p:{a}:last")} "2"`);
    await admin.set("channel:p:{a}:last", entry?.[0] ?? "", "PX", 60_000);
    await writer.publish("a", "3");
    await until(() => expect(events.map(({ type }) => type)).toContain("read-failed"));
    proxy.blackHole(false);
    proxy.reset();
    await expectHeard(heard, ["1", "2", "3"]);
  });

  it("rejects a subscription while Redis is away, and leaves none behind", async () => {
    const server = await start();
    const channels = open(server);
    await channels.publish("a", "1");
    await server.kill();
    await expect(channels.subscribe("a", () => {})).rejects.toMatchObject({
      code: expect.stringMatching(/CONNECTION|TIMEOUT/),
    });
    await server.restart();
    const admin = connect(server);
    await sleep(100);
    expect(await admin.pubsub("NUMSUB", "channel:p:{a}")).toEqual(["channel:p:{a}", 0]);
  });

  it("loses no subscription and leaves no ghost when subscribed and stopped at once (subscribe/unsubscribe race)", async () => {
    const server = await start();
    const admin = connect(server);
    const channels = open(server);
    const heard = new Heard<string>();
    await using subscription = await channels.subscribe("a", heard.listen);
    const races = Array.from({ length: sized(1_000, 100) }, async (_, n) => {
      const stop = await channels.subscribe("a", () => {});
      if (n % 3 === 0) await sleep(n % 7);
      await stop();
    });
    await Promise.all(races);
    await channels.publish("a", "1");
    await expectHeard(heard, ["1"]);
    expect(await admin.pubsub("NUMSUB", "channel:p:{a}")).toEqual(["channel:p:{a}", 1]);
    await subscription();
    expect(await admin.pubsub("NUMSUB", "channel:p:{a}")).toEqual(["channel:p:{a}", 0]);
  });
});
