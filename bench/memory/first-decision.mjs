// Prints how many milliseconds passed from the import to the first decision.
const start = performance.now();
const { memory } = await import("redis-patterns/memory");
const redis = memory();
if (process.argv[2] === "set") await redis.send(["SET", "greeting", "hello"]);
if (process.argv[2] === "decision") {
  const { createLimiter, fixedWindow } = await import("redis-patterns/limiter");
  const limiter = createLimiter(redis, { prefix: "api", algorithm: fixedWindow({ limit: 2, window: 3_600_000 }) });
  const { allowed } = await limiter.limit("ada");
  if (!allowed) throw new Error("The first call was refused");
}
console.log(performance.now() - start);
await redis.close();
