export type { ChangeOptions } from "../../request.ts";
export type { Lifetime } from "../../time/lifetime.ts";
export { createFeeds } from "./feeds.ts";
export type { FeedItem } from "./format.ts";
export { clearFeed } from "./operations/clear-feed.ts";
export { countUnread, type CountUnreadOptions, type Unread } from "./operations/count-unread.ts";
export { fanOut, type FanOutFailure, type FanOutOptions, type FanOutProgress } from "./operations/fan-out.ts";
export { markRead } from "./operations/mark-read.ts";
export type {
  FeedNews,
  FeedOptions,
  FeedPage,
  FeedPageOptions,
  FeedReadOptions,
  Feeds,
  FeedSinceOptions,
  OnTrimmed,
} from "./options.ts";
export {
  createRecent,
  type Recent,
  type RecentListOptions,
  type RecentOptions,
  type RecentPushOptions,
} from "./recent.ts";
