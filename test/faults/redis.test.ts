import { afterEach, expect, it } from "vitest";
import { ConnectionError, ReplyError } from "../../src/core/errors.ts";
import { sleep } from "../../src/core/wait/sleep.ts";
import { onStandaloneBackends } from "../support/backends.ts";
import { stopwatch } from "../support/stopwatch.ts";

const minute = 60_000;
/** The default deadline of the adapters, and what a busy machine may add to it. */
const deadline = 2_000;
const slack = 1_500;

onStandaloneBackends("the port, when the server fails", (backend) => {
  afterEach(() => backend.server.resume());

  backend.it("ends a call within its deadline while the server is paused, and goes on afterwards", async () => {
    const redis = await backend.connect();
    await redis.send(["SET", `${backend.prefix}:paused`, 1, "PX", minute]);
    backend.server.pause();
    const elapsed = stopwatch();
    const calls = [
      redis.send(["GET", `${backend.prefix}:paused`]),
      redis.pipeline([["GET", `${backend.prefix}:paused`]]),
      redis.transaction?.([["GET", `${backend.prefix}:paused`]]),
    ];
    for (const { reason } of await failuresOf(calls)) expect(reason).toBeInstanceOf(ConnectionError);
    expect(elapsed()).toBeLessThan(deadline + slack);
    backend.server.resume();
    expect(await redis.send(["GET", `${backend.prefix}:paused`])).toBe("1");
  });

  it("ends a call within its own deadline where that is shorter", async () => {
    const redis = await backend.connect();
    await redis.send(["PING"]);
    backend.server.pause();
    const elapsed = stopwatch();
    const options = { timeout: 100 };
    const calls = [
      redis.send(["PING"], options),
      redis.pipeline([["PING"]], options),
      redis.transaction?.([["PING"]], options),
    ];
    for (const { reason } of await failuresOf(calls))
      expect(reason).toMatchObject({ name: "TimeoutError", timeout: 100 });
    expect(elapsed()).toBeLessThan(100 + slack);
  });

  it("rejects with the reason of the abort at once while the server is paused", async () => {
    const redis = await backend.connect();
    await redis.send(["SET", `${backend.prefix}:aborted`, 1, "PX", minute]);
    backend.server.pause();
    const controller = new AbortController();
    const { signal } = controller;
    const reason = { why: "the caller has gone" };
    const calls = [
      redis.send(["GET", `${backend.prefix}:aborted`], { signal }),
      redis.pipeline([["GET", `${backend.prefix}:aborted`]], { signal }),
      redis.transaction?.([["GET", `${backend.prefix}:aborted`]], { signal }),
    ];
    await sleep(50);
    const elapsed = stopwatch();
    controller.abort(reason);
    for (const failure of await failuresOf(calls)) expect(failure.reason).toBe(reason);
    // Long before the deadline.
    expect(elapsed()).toBeLessThan(slack);
    backend.server.resume();
    expect(await redis.send(["EVAL", "return ARGV[1]", 0, "mine"])).toBe("mine");
  });

  backend.it("never sends later what its callers gave up while the server was down", async () => {
    const redis = await backend.connect();
    const key = (name: string) => `${backend.prefix}:{never}:${name}`;
    await redis.send(["GET", key("ready")]);
    await backend.server.kill();
    const elapsed = stopwatch();
    const calls = [
      redis.send(["SET", key("send"), 1, "PX", minute]),
      redis.pipeline([["SET", key("pipeline"), 1, "PX", minute]]),
      redis.transaction?.([["SET", key("transaction"), 1, "PX", minute]]),
      redis.send(["SET", key("abort"), 1, "PX", minute], { signal: AbortSignal.timeout(100) }),
    ];
    const failures = await failuresOf(calls);
    expect(elapsed()).toBeLessThan(deadline + slack);
    expect(failures).toHaveLength(calls.length);
    for (const { reason } of failures) expect(reason).not.toBeInstanceOf(ReplyError);
    await backend.server.restart();
    expect(await eventually(() => redis.send(["SET", key("back"), 1, "PX", minute]))).toBe("OK");
    await sleep(300);
    expect(await backend.keys()).toEqual([key("back")]);
  });
});

async function failuresOf(calls: readonly (Promise<unknown> | undefined)[]): Promise<PromiseRejectedResult[]> {
  const results = await Promise.allSettled(calls);
  return results.filter((result) => result.status === "rejected");
}

/** The first answer after an outage: a client may be waiting for its next attempt to connect. */
async function eventually<T>(call: () => Promise<T>): Promise<T> {
  const end = performance.now() + 10_000;
  for (;;) {
    const answer = await call().catch((error: unknown) => {
      if (!(error instanceof ConnectionError) || performance.now() > end) throw error;
    });
    if (answer !== undefined) return answer;
    await sleep(50);
  }
}
