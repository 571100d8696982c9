export type { ChangeOptions } from "../../request.ts";
export type { PresentMember } from "./format.ts";
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
  Transition,
  Visit,
} from "./options.ts";
export { createPresence, type Presence } from "./presence.ts";
