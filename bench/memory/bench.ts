// How long a newcomer waits for the Redis in memory, and how much it does then. `npm run bench -- memory`; build the package before.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { memory } from "redis-patterns/memory";
import { hours } from "redis-patterns";
import { createLimiter, fixedWindow } from "redis-patterns/limiter";
import { type Asked, type Contender, type Instance, type Load, twice } from "../harness/contender.ts";
import { run } from "../harness/run.ts";
import { rate } from "../harness/work.ts";

const program = fileURLToPath(new URL("first-decision.mjs", import.meta.url));
const runFile = promisify(execFile);
const close = () => {};

/** A program of its own, which ends with its first decision. */
interface Program extends Instance {
  readonly argument: string;
}

await run("memory", async (bench) => {
  await bench.measure({
    title: "Redis in memory: from import to the first decision",
    note: "In milliseconds, less is better. Each time in a new process; Node's own start is not in it.",
    loads: [
      {
        calls: 1,
        columns: [{ name: "first decision", unit: "ms", better: "less" }],
        run: async ({ argument }) => [Number((await runFile(process.execPath, [program, argument])).stdout)],
      } satisfies Load<Program>,
    ],
    contenders: [
      ...twice<Program>("memory and a limiter", async () => ({ argument: "decision", close })),
      { name: "memory, a SET", role: "other", open: async () => ({ argument: "set", close }) },
      { name: "the import alone", role: "limit", open: async () => ({ argument: "import", close }) },
    ],
  });
  await bench.measure({
    title: "Redis in memory: decisions",
    note: "The engine and its callers share one process.",
    loads: [1, 64].map((concurrency) => ({
      calls: 3_000,
      columns: [{ name: `${concurrency} at a time`, unit: "decisions/s", better: "more" }],
      run: async ({ call }: Asked, calls: number) => [await rate(concurrency, calls, (i) => call(`id${i % 200}`))],
    })),
    contenders: limiters(),
  });
});

function limiters(): readonly Contender<Asked>[] {
  return [
    ...twice("redis-patterns over memory", async () => {
      const redis = memory();
      const algorithm = fixedWindow({ limit: 1_000_000, window: hours(1) });
      const limiter = createLimiter(redis, { prefix: "bench", algorithm });
      return { close: redis.close, call: (id: string) => limiter.limit(id) };
    }),
    {
      name: "EVALSHA of an empty script, memory",
      role: "limit",
      async open() {
        const redis = memory();
        const digest = await redis.send(["SCRIPT", "LOAD", "return 1"]);
        return { close: redis.close, call: (id) => redis.send(["EVALSHA", String(digest), 1, id]) };
      },
    },
  ];
}
