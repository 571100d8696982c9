// All that the core exports, for the budget of the whole: `npm run sizes`. The order is that in which it compresses best.
export * from "../dist/lock.js";
export * from "../dist/cache.js";
export * from "../dist/session.js";
export * from "../dist/limiter.js";
export * from "../dist/idempotency.js";
export * from "../dist/token.js";
export * from "../dist/bloom.js";
export * from "../dist/leaderboard.js";
export * from "../dist/uniques.js";
export * from "../dist/counter.js";
export * from "../dist/record.js";
export * from "../dist/feed.js";
export * from "../dist/pubsub.js";
export * from "../dist/presence.js";
export * from "../dist/index.js";
export * from "../dist/script.js";
