import { rest } from "../../src/adapters/rest/rest.ts";
import { restSubscriber } from "../../src/adapters/rest/subscriber.ts";
import { type Asked, type Contender, rival, twice } from "../harness/contender.ts";
import type { Address } from "../harness/scene.ts";
import { channel, createRooms, type DeliveryName } from "./rooms.ts";
import { type Message, openRound } from "./round.ts";

/** This package twice, and others, all through the gateway; each with one stream that is open. */
export function overHttp(at: Address, delivery: DeliveryName): readonly Contender<Asked>[] {
  return [
    ...twice(`redis-patterns, ${delivery}`, () => ours(at, delivery)),
    { name: "@upstash/redis", role: "other", open: () => upstash(at) },
    { name: "@upstash/realtime", role: "other", share: 0.2, open: () => realtime(at) },
  ];
}

function ours(at: Address, delivery: DeliveryName): Promise<Asked> {
  return openRound(async (hear) => {
    const rooms = createRooms(rest(at), restSubscriber(at), delivery);
    const close = await rooms.subscribe(channel, ({ data }) => hear(data));
    return { publish: (message) => rooms.publish(channel, message), close };
  });
}

/** PUBLISH and SUBSCRIBE: what is missed is lost. */
function upstash({ url, token }: Address): Promise<Asked> {
  return openRound(async (hear) => {
    const { Redis } = await rival("@upstash/redis");
    const redis = new Redis({ url, token });
    const name = crypto.randomUUID();
    const subscriber = redis.subscribe(name);
    subscriber.on("message", ({ message }: { readonly message: Message }) => hear(message));
    await new Promise((resolve) => subscriber.on("subscribe", resolve));
    return { publish: (message) => redis.publish(name, message), close: () => subscriber.unsubscribe() };
  });
}

/** A stream and a channel. It keeps as much as ours. */
function realtime({ url, token }: Address): Promise<Asked> {
  return openRound(async (hear) => {
    const { Redis } = await rival("@upstash/redis");
    const { Realtime } = await rival("@upstash/realtime");
    const { z } = await rival("zod");
    const schema = { chat: { message: z.object({ n: z.number(), from: z.string(), text: z.string() }) } };
    const history = { maxLength: 10_000, expireAfterSecs: 3_600 };
    const room = new Realtime({ redis: new Redis({ url, token }), schema, history }).channel(crypto.randomUUID());
    const onData = ({ data }: { readonly data: Message }) => hear(data);
    const close = await room.subscribe({ events: ["chat.message"], onData });
    return { publish: (message) => room.emit("chat.message", message), close };
  });
}
