import { Redis as Client } from "ioredis";
import { ioredis } from "../../src/adapters/ioredis/ioredis.ts";
import { ioredisSubscriber } from "../../src/adapters/ioredis/subscriber.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { type Asked, type Contender, twice } from "../harness/contender.ts";
import type { Address } from "../harness/scene.ts";
import { channel, createRooms, type DeliveryName } from "./rooms.ts";
import { type Message, openRound } from "./round.ts";

/** This package twice, and ioredis alone; each with one connection that publishes and one that listens. */
export function overTcp({ host, port }: Address, delivery: DeliveryName): readonly Contender<Asked>[] {
  const connect = () => ({ publisher: new Client({ host, port }), subscriber: new Client({ host, port }) });
  return [
    ...twice(`redis-patterns, ${delivery}`, () => ours(connect(), delivery)),
    ...(delivery === "resumable"
      ? [{ name: "the same script and messages, ioredis", role: "limit", open: () => replay(connect()) } as const]
      : []),
    { name: "publish and subscribe of ioredis", role: "limit", open: () => bare(connect()) },
  ];
}

interface Clients {
  readonly publisher: Client;
  readonly subscriber: Client;
}

function ours({ publisher, subscriber }: Clients, delivery: DeliveryName): Promise<Asked> {
  return openRound(async (hear) => {
    const rooms = createRooms(ioredis(publisher), ioredisSubscriber(subscriber), delivery);
    await rooms.subscribe(channel, ({ data }) => hear(data));
    return { publish: (message) => rooms.publish(channel, message), close: closing({ publisher, subscriber }) };
  });
}

/** What it costs without us: nobody looks whether a message is missing. */
function replay({ publisher, subscriber }: Clients): Promise<Asked> {
  return openRound(async (hear) => {
    const sent: string[][] = [];
    const redis = ioredis(publisher);
    const send: Redis["send"] = (command, options) => {
      sent.push(command.map(String));
      return redis.send(command, options);
    };
    const rooms = createRooms({ ...redis, send }, undefined, "resumable");
    await rooms.publish(channel, { n: 0, from: "", text: "" });
    // By its digest, whether the server knew the script or not.
    const [[, digest = "", keys = "", ...args] = []] = sent;
    const [markerAt, channelAt] = [2, Number(keys)];
    await subscriber.subscribe(args[channelAt] ?? "");
    subscriber.on("message", (_: string, text: string) => hear(JSON.parse(text.slice(text.indexOf("{"))) as Message));
    const publish = (message: Message) => {
      const given = [...args];
      given[markerAt] = `${args[markerAt]?.slice(0, -23)}${String(message.n).padStart(23, "-")}`;
      given[channelAt + 1] = JSON.stringify(message);
      return publisher.evalsha(digest, keys, ...given);
    };
    return { publish, close: closing({ publisher, subscriber }) };
  });
}

function bare({ publisher, subscriber }: Clients): Promise<Asked> {
  return openRound(async (hear) => {
    const name = crypto.randomUUID();
    subscriber.on("message", (_: string, text: string) => hear(JSON.parse(text) as Message));
    await subscriber.subscribe(name);
    return {
      publish: (message) => publisher.publish(name, JSON.stringify(message)),
      close: closing({ publisher, subscriber }),
    };
  });
}

function closing({ publisher, subscriber }: Clients) {
  return () => {
    publisher.disconnect();
    subscriber.disconnect();
  };
}
