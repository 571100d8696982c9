export type { ChangeOptions } from "../../request.ts";
export type { LogGap } from "../../log/order.ts";
export type { StopListening } from "../../port/subscriber.ts";
export { type Polling, polling } from "../../log/polling.ts";
export type { PresentMember, Transition } from "./format.ts";
export { keepAlive, type KeepAliveOptions } from "./operations/keep-alive.ts";
export type {
  Extended,
  JoinOptions,
  ListOptions,
  PresenceCallOptions,
  PresenceCount,
  PresenceOptions,
  PresencePage,
  ResumeOptions,
  PresenceSubscribeOptions,
  TransitionListener,
  PresenceVisit,
} from "./options.ts";
export { createPresence, type Presence } from "./presence.ts";
