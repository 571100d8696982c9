import { expect, it } from "vitest";
import { OptionError } from "../../src/core/errors.ts";
import {
  IdempotencyBusyError,
  IdempotencyConflictError,
  IdempotencyNotStoredError,
  IdempotentFailureError,
} from "../../src/core/patterns/idempotency/errors.ts";
import { createIdempotency, type IdempotentRun } from "../../src/core/patterns/idempotency/index.ts";
import { days } from "../../src/core/time/duration.ts";
import { sleep } from "../../src/core/wait/sleep.ts";
import { gate } from "../fixtures/cache-tools.ts";
import idempotencyV1 from "../fixtures/idempotency-v1.json" with { type: "json" };
import { restore } from "../fixtures/restore.ts";
import { onEveryBackend } from "../support/backends.ts";

onEveryBackend("an idempotent call", (backend) => {
  it("runs once, and gives everybody its result, for two commands the first time and one after that", async () => {
    const redis = await backend.connect();
    const idempotent = createIdempotency(redis, { ttl: 60_000, prefix: backend.prefix });
    await idempotent("order:{7}", () => "warms up the node of this key");
    await redis.send(["DEL", `idempotency:${backend.prefix}:{order:%7B7%7D}`]);
    let runs = 0;
    const work = () => {
      runs += 1;
      return { receipt: "ü", n: 7 };
    };
    const first = await backend.count(() => idempotent("order:{7}", work));
    expect(first).toEqual({ evalsha: 2, get: 2, set: 2 });
    let second: unknown;
    const replay = await backend.count(async () => {
      second = await idempotent("order:{7}", work);
    });
    expect(replay).toEqual({ evalsha: 1, get: 1 });
    expect(second).toEqual({ receipt: "ü", n: 7 });
    expect(runs).toBe(1);
  });

  backend.it("gives 30 concurrent callers on several connections the result of one run", async () => {
    const ports = await Promise.all([backend.connect(), backend.connect(), backend.connect()]);
    let runs = 0;
    const results = await Promise.all(
      Array.from({ length: 30 }, (_, i) => {
        const redis = ports[i % 3] ?? ports[0];
        const idempotent = createIdempotency(redis, { ttl: 60_000, prefix: backend.prefix });
        return idempotent("webhook", async () => {
          runs += 1;
          await sleep(30);
          return runs;
        });
      }),
    );
    expect(runs).toBe(1);
    expect(results).toEqual(Array.from({ length: 30 }, () => 1));
  });

  it.each([null, 0, "", false, undefined, [], { a: null }].map((value) => [value]))(
    "stores %j as it is",
    async (value) => {
      const idempotent = createIdempotency(await backend.connect(), { ttl: 60_000, prefix: `${backend.prefix}:v` });
      const key = `${typeof value}${JSON.stringify(value)}`;
      expect(await idempotent(key, () => value)).toEqual(value);
      expect(await idempotent(key, () => "again")).toEqual(value);
    },
  );

  it("runs again after a failure, unless failures are stored", async () => {
    const redis = await backend.connect();
    const failure = new Error("no funds");
    const fail = () => Promise.reject(failure);
    const retrying = createIdempotency(redis, { ttl: 60_000, prefix: `${backend.prefix}:retry` });
    await expect(retrying("pay", fail)).rejects.toBe(failure);
    expect(await retrying("pay", () => "paid")).toBe("paid");
    const storing = createIdempotency(redis, { ttl: 60_000, prefix: `${backend.prefix}:store`, failures: "store" });
    await expect(storing("pay", fail)).rejects.toBe(failure);
    const replayed = await storing("pay", () => "paid").catch((error: unknown) => error);
    expect(replayed).toBeInstanceOf(IdempotentFailureError);
    expect(replayed).toMatchObject({ message: "no funds" });
  });

  it.each<[string, unknown]>([
    ["`result` is of type bigint", 10n],
    ["`result` is of type function", () => 1],
    ["`result.paid.at` is of type Date", { paid: { at: new Date(0) } }],
    ["`result.items[1]` is of type Map", { items: [1, new Map()] }],
    ["`result[0]` is NaN", [Number.NaN]],
    ["plain JSON", cyclic()],
    ["`result.a` is of type Object", { a: { toJSON: () => "changed" } }],
  ])("says that the work ran and its result cannot be stored: %s", async (message, value) => {
    const types: string[] = [];
    const idempotent = createIdempotency(await backend.connect(), {
      ttl: 60_000,
      wait: 0,
      prefix: `${backend.prefix}:unfit`,
      onEvent: ({ type }) => types.push(type),
    });
    const key = Math.random().toString(36);
    const first = await idempotent(key, () => value).catch((error: unknown) => error);
    expect(first).toBeInstanceOf(IdempotencyNotStoredError);
    expect(first).toMatchObject({ code: "IDEMPOTENCY_NOT_STORED", marked: true });
    expect(first instanceof IdempotencyNotStoredError && first.result).toBe(value);
    expect(String(first)).toContain(message);
    expect(String(first)).not.toContain("secret");
    const again = idempotent(key, () => expect.unreachable("ran twice"));
    await expect(again).rejects.toMatchObject({ code: "IDEMPOTENCY_OUTCOME_LOST" });
    expect(types).toEqual(["run", "not-stored"]);
  });

  it("does not store the caller's own abort, nor what fails after it or after the lease", async () => {
    const redis = await backend.connect();
    const options = { ttl: 60_000, wait: 0, prefix: `${backend.prefix}:abort`, failures: "store" } as const;
    const untilAbort = ({ signal }: IdempotentRun) =>
      new Promise<never>((_, reject) => {
        signal.addEventListener("abort", () => reject(new Error("wrapped", { cause: signal.reason })));
      });
    const controller = new AbortController();
    const storing = createIdempotency(redis, options);
    const leaving = storing(
      "left",
      (run) => {
        const waiting = untilAbort(run);
        controller.abort(new Error("left"));
        return waiting;
      },
      { signal: controller.signal },
    );
    await expect(leaving).rejects.toThrow("wrapped");
    expect(await storing("left", () => "ran again")).toBe("ran again");
    const short = createIdempotency(redis, { ...options, lease: 300, wait: 15_000 });
    await expect(short("late", untilAbort)).rejects.toMatchObject({ cause: { name: "TimeoutError" } });
    expect(await short("late", () => "ran again")).toBe("ran again");
  });

  it.each([days(25), days(50), Number.MAX_SAFE_INTEGER])("runs under a lease of %d ms", async (lease) => {
    const idempotent = createIdempotency(await backend.connect(), {
      ttl: 60_000,
      prefix: `${backend.prefix}:l${lease}`,
      lease,
    });
    const work = async ({ signal }: IdempotentRun) => {
      await sleep(20);
      return signal.aborted;
    };
    expect(await idempotent("long", work)).toBe(false);
  });

  it("gives the work's own error, whatever it threw and whatever the hooks throw", async () => {
    const throwing = () => {
      throw new Error("hook");
    };
    const idempotent = createIdempotency(await backend.connect(), {
      ttl: 60_000,
      prefix: `${backend.prefix}:hooks`,
      failures: "store",
      onEvent: throwing,
      waitUntil: throwing,
    });
    for (const thrown of [undefined, null, Symbol("x"), Object.create(null), "text"]) {
      const key = Math.random().toString(36);
      const failing = idempotent(key, () => Promise.reject(thrown)).then(
        () => "resolved",
        (error: unknown) => [error],
      );
      expect(await failing).toEqual([thrown]);
      await expect(idempotent(key, () => 1)).rejects.toThrow(IdempotentFailureError);
    }
  });

  it("stores the outcome of a run that outlived its lease, if no other took its place", async () => {
    const redis = await backend.connect();
    const idempotent = createIdempotency(redis, { ttl: 60_000, prefix: `${backend.prefix}:outlived`, lease: 200 });
    expect(await idempotent("slow", () => sleep(300).then(() => "first"))).toBe("first");
    expect(await idempotent("slow", () => "second")).toBe("first");
  });

  it("refuses the same key with another payload, also while the first one runs", async () => {
    const idempotent = createIdempotency(await backend.connect(), { ttl: 60_000, prefix: backend.prefix });
    const [started, finish] = [gate(), gate()];
    const work = () => {
      started.open();
      return finish.opened;
    };
    const running = idempotent("pay:1", work, { payload: "10 EUR" });
    await started.opened;
    await expect(idempotent("pay:1", () => 1, { payload: "99 EUR" })).rejects.toThrow(IdempotencyConflictError);
    finish.open();
    await running;
    await expect(idempotent("pay:1", () => 1, { payload: "99 EUR" })).rejects.toThrow(IdempotencyConflictError);
    expect(await idempotent("pay:1", () => 1, { payload: "10 EUR" })).toBeUndefined();
  });

  it("frees the key of a run that crashed after its lease, and tells a run that its lease is over", async () => {
    const redis = await backend.connect();
    const types: string[] = [];
    const options = { ttl: 60_000, prefix: backend.prefix };
    const slow = createIdempotency(redis, { ...options, lease: 500, onEvent: ({ type }) => types.push(type) });
    const [started, finish] = [gate(), gate()];
    const hanging = slow("crash", async ({ signal }) => {
      started.open();
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      await finish.opened;
      return "late";
    });
    await started.opened;
    const next = createIdempotency(redis, { ...options, wait: 15_000 });
    expect(await next("crash", () => "took over")).toBe("took over");
    finish.open();
    expect(await hanging).toBe("late");
    expect(await next("crash", () => "third")).toBe("took over");
    expect(types).toEqual(["run", "late"]);
  });

  it("waits no longer than it was told", async () => {
    const redis = await backend.connect();
    const idempotent = createIdempotency(redis, { ttl: 60_000, wait: 50, prefix: backend.prefix });
    const [started, finish] = [gate(), gate()];
    const work = () => {
      started.open();
      return finish.opened;
    };
    const running = idempotent("busy", work);
    await started.opened;
    const error = await idempotent("busy", () => 1).catch((error: unknown) => error);
    expect(error).toBeInstanceOf(IdempotencyBusyError);
    expect(error instanceof IdempotencyBusyError && error.remaining).toBeGreaterThan(20_000);
    const reason = new Error("left");
    const leaving = idempotent("busy", () => 1, { signal: AbortSignal.abort(reason) });
    await expect(leaving).rejects.toBe(reason);
    finish.open();
    await running;
  });

  it("refuses bad input by name, and sends nothing", async () => {
    const redis = await backend.connect();
    const counts = await backend.count(async () => {
      expect(() => createIdempotency(redis, { prefix: "p", ttl: 0 })).toThrow(/`ttl`/);
      expect(() => createIdempotency(redis, { prefix: "p", ttl: 1, lease: Number.NaN })).toThrow(/`lease`/);
      expect(() => createIdempotency(redis, { prefix: "p", ttl: 1, wait: -1 })).toThrow(/`wait`/);
      expect(() => createIdempotency(redis, { prefix: "p", ttl: 1, failures: "ignore" as "retry" })).toThrow(
        /`failures`/,
      );
      expect(() => createIdempotency(redis, { ttl: 1, prefix: "{" })).toThrow(/`prefix`/);
      const idempotent = createIdempotency(redis, { prefix: "p", ttl: 1_000 });
      await expect(idempotent("", () => 1)).rejects.toThrow(OptionError);
      await expect(idempotent("a", "work" as never)).rejects.toThrow(/`work`/);
      await expect(idempotent("a", () => 1, { payload: { sum: 10 } as never })).rejects.toThrow(/`payload`/);
      await expect(idempotent("a", () => 1, { ttl: 0 })).rejects.toThrow(/`ttl`/);
    });
    expect(counts).toEqual({});
  });

  it("reads what version 1 wrote", async () => {
    const redis = await backend.connect();
    await restore(redis, idempotencyV1.keys, "idempotency-v1", `${backend.prefix}:v1`);
    const idempotent = createIdempotency(redis, { ttl: 60_000, wait: 0, prefix: `${backend.prefix}:v1` });
    const never = () => expect.unreachable("ran again");
    expect(await idempotent("result", never)).toEqual({ receipt: 7 });
    expect(await idempotent("nothing", never)).toBeUndefined();
    await expect(idempotent("failure", never)).rejects.toThrow("no funds: 7");
    expect(await idempotent("payload", never, { payload: "payload" })).toBe(1);
    await expect(idempotent("payload", never)).rejects.toMatchObject({ code: "IDEMPOTENCY_CONFLICT" });
    await expect(idempotent("running", never)).rejects.toMatchObject({ code: "IDEMPOTENCY_BUSY" });
    await expect(idempotent("lost", never)).rejects.toMatchObject({ code: "IDEMPOTENCY_OUTCOME_LOST" });
    expect(await idempotent("gone", () => "free")).toBe("free");
  });

  it.each<[string, unknown]>([
    ["options", 1_000],
    ["options", null],
    ["ttl", { ttl: null }],
    ["signal", { signal: null }],
    ["signal", { signal: {} }],
    ["payload", { payload: null }],
  ])("refuses a wrong shape of `%s`: %j", async (name, options) => {
    const idempotent = createIdempotency(await backend.connect(), { ttl: 60_000, prefix: backend.prefix });
    const wrong = idempotent("shape", () => expect.unreachable("ran"), options as never);
    await expect(wrong).rejects.toMatchObject({ code: "OPTION", message: expect.stringContaining(`\`${name}\``) });
  });

  it.each(["ttl", "lease", "wait", "failures", "prefix", "onEvent", "waitUntil"])(
    "refuses `%s: null`",
    async (name) => {
      const redis = await backend.connect();
      expect(() => createIdempotency(redis, { ttl: 1, prefix: "p", [name]: null })).toThrow(`\`${name}\``);
    },
  );

  it("says that the key is used for something else", async () => {
    const redis = await backend.connect();
    await redis.send(["SET", `idempotency:${backend.prefix}:{foreign}`, "value", "PX", 60_000]);
    const idempotent = createIdempotency(redis, { ttl: 60_000, prefix: backend.prefix });
    await expect(idempotent("foreign", () => 1)).rejects.toMatchObject({ code: "SHAPE" });
  });
});

function cyclic(): object {
  const value: { self?: object } = {};
  value.self = value;
  return value;
}
