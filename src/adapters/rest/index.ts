export { type RestEnv, restFromEnv } from "./env.ts";
export { rest, type RestOptions } from "./rest.ts";
export type { RestSubscriberEvent } from "./streams.ts";
export { restSubscriber, type RestSubscriberOptions } from "./subscriber.ts";
