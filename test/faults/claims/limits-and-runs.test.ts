import { afterEach, expect, it } from "vitest";
import { createIdempotency } from "../../../src/core/patterns/idempotency/index.ts";
import {
  acquirePermit,
  concurrency,
  createLimiter,
  fixedWindow,
  gcra,
  type LimitAlgorithm,
  prefetch,
  reserve,
  slidingLog,
  slidingWindow,
  waitTurn,
} from "../../../src/core/patterns/limiter/index.ts";
import type { Redis, Reply } from "../../../src/core/port/redis.ts";
import { nullableText } from "../../../src/core/port/reply.ts";
import { sleep } from "../../../src/core/wait/sleep.ts";
import { type Faulty, faulty, lost } from "../../fixtures/faulty-port.ts";
import { onStandaloneBackends } from "../../support/backends.ts";

/** A ledger of claims: each thing that takes a place for its caller. What a caller may have been given and has left is given back. */
interface Claimer {
  readonly name: string;
  /** Makes it, with one place. A place that nobody gives back is free after `lease` milliseconds, where it has leases. */
  make(redis: Redis, prefix: string, lease: number): Claims;
  /** What it promises of a claim that arrives after it was given up: it takes nothing, or it is free again with its lease or window. */
  readonly lateClaim: "takes nothing" | "costs its time";
  /** The place of a killed process is free again after its lease, or with the window. */
  readonly killed: "lease" | "window";
}

interface Claims {
  /** Takes the place. It rejects if it was refused, with an error whose code is `REFUSED`. */
  claim(
    id: string,
    options: { readonly signal?: AbortSignal | undefined; readonly requestId?: string },
  ): Promise<Claim>;
  /** How many places are taken, as another process sees it. */
  countTaken(id: string): Promise<number>;
  /** Whether a name claims the same place twice. */
  readonly named?: true;
}

interface Claim {
  /** Gives the place back. */
  release(): Promise<unknown>;
}

const refused = () => Promise.reject(Object.assign(new Error("refused"), { code: "REFUSED" }));

const onError = ({ error }: { readonly error: unknown }) => Promise.reject(error);

const openPermits = (redis: Redis, prefix: string, lease: number) =>
  createLimiter(redis, { prefix, algorithm: concurrency({ limit: 1, lease }), onError, timeout: 60_000 });

const permits: Claimer = {
  name: "a permit",
  lateClaim: "takes nothing",
  killed: "lease",
  make(redis, prefix, lease) {
    const limiter = openPermits(redis, prefix, lease);
    return {
      named: true,
      async claim(id, options) {
        const permit = await acquirePermit(limiter, id, options);
        return permit.allowed ? permit : refused();
      },
      countTaken: async (id) => 1 - (await limiter.peek(id)).remaining,
    };
  },
};

const runs: Claimer = {
  name: "an idempotent run",
  lateClaim: "takes nothing",
  killed: "lease",
  make(redis, prefix, lease) {
    const idempotent = createIdempotency(redis, { prefix, ttl: 60_000, lease, wait: 0 });
    const failed = new Error("frees the key");
    return {
      async claim(id, { signal }) {
        const { promise: began, resolve: begin } = promiseOf<Claim>();
        const { promise: end, resolve: finish } = promiseOf<void>();
        const work = async () => {
          const release = () => {
            finish();
            return run;
          };
          begin({ release });
          await end;
          throw failed;
        };
        const run = idempotent(id, work, { signal }).catch((error: unknown) =>
          error === failed ? true : Promise.reject(error),
        );
        return Promise.race([began, run.then(() => began)]);
      },
      async countTaken(id) {
        const stored = nullableText(await redis.send(["GET", `idempotency:${prefix}:{${id}}`]));
        return stored?.startsWith("1r:") ? 1 : 0;
      },
    };
  },
};

function timed(algorithm: LimitAlgorithm): Claimer[] {
  const { kind } = algorithm;
  const make =
    (take: (limiter: ReturnType<typeof createLimiter>, ...call: Parameters<Claims["claim"]>) => Promise<Claim>) =>
    (redis: Redis, prefix: string): Claims => {
      const limiter = createLimiter(redis, { prefix, algorithm, onError, timeout: 60_000 });
      return {
        claim: (id, options) => take(limiter, id, options),
        countTaken: async (id) => algorithm.limit - (await limiter.peek(id)).remaining,
      };
    };
  return [
    {
      name: `a reservation of ${kind}`,
      lateClaim: "costs its time",
      killed: "window",
      make: make(async (limiter, id, options) => {
        const reservation = await reserve(limiter, id, options);
        return reservation.allowed ? { release: () => reservation.cancel().then(() => true) } : refused();
      }),
    },
    {
      name: `a turn of ${kind}`,
      lateClaim: "costs its time",
      killed: "window",
      make: make(async (limiter, id, options) => {
        const turn = await waitTurn(limiter, id, { ...options, maxWait: 1 });
        return turn.allowed ? { release: () => limiter.refund(id, 1).then(() => true) } : refused();
      }),
    },
    {
      name: `drawn units of ${kind}`,
      lateClaim: "costs its time",
      killed: "window",
      make: make(async (limiter, id, options) => {
        const drawing = prefetch(limiter, { hold: 40, idle: 20 });
        const verdict = await drawing.limit(id, options);
        return verdict.allowed ? { release: () => limiter.refund(id, 1).then(() => true) } : refused();
      }),
    },
  ];
}

const window = 600_001;
const ledger: readonly Claimer[] = [
  permits,
  runs,
  ...[
    fixedWindow({ limit: 1, window }),
    slidingWindow({ limit: 1, window }),
    slidingLog({ limit: 1, window }),
    gcra({ limit: 7, window, burst: 1 }),
  ].flatMap(timed),
];

interface Scene {
  readonly claimer: Claimer;
  readonly claims: Claims;
  readonly port: Faulty;
  readonly id: string;
  /** How long a place may stay taken before it counts as not given back. */
  readonly patience: number;
}

const reason = new Error("left");

/** Nothing is taken, soon, and the next caller gets the place. */
async function expectFree({ claims, id, patience }: Scene): Promise<void> {
  await expect.poll(() => claims.countTaken(id), { timeout: patience, interval: 10 }).toBe(0);
  await (await claims.claim(id, {})).release();
}

const scenes: Readonly<Record<string, (scene: Scene) => Promise<void>>> = {
  async "aborted before"(scene) {
    const leaving = scene.claims.claim(scene.id, { signal: AbortSignal.abort(reason) });
    await expect(leaving).rejects.toBe(reason);
    await expectFree(scene);
  },
  async "aborted while its reply is on the way"(scene) {
    const controller = new AbortController();
    scene.port.failNext(async (send, signal) => {
      const reply = await send();
      controller.abort(reason);
      signal?.throwIfAborted();
      return reply;
    });
    await expect(scene.claims.claim(scene.id, { signal: controller.signal })).rejects.toBe(reason);
    await expectFree(scene);
  },
  async "aborted as its reply arrives"(scene) {
    const controller = new AbortController();
    scene.port.failNext(async (send) => {
      const reply = await send();
      controller.abort(reason);
      return reply;
    });
    const { signal } = controller;
    const claim = await scene.claims.claim(scene.id, { signal }).catch((error: unknown) => error);
    // A caller that was answered has the place, and gives it back itself.
    if (claim !== reason) await (claim as Claim).release();
    await expectFree(scene);
  },
  async "its reply lost"(scene) {
    scene.port.failNext((send) => send().then(lost));
    await expect(scene.claims.claim(scene.id, {})).rejects.toMatchObject({ code: "CONNECTION" });
    // Units of a window come back with it.
    if (scene.claimer.killed === "lease") await expectFree(scene);
  },
  async "sent twice"(scene) {
    scene.port.failNext((send) => send().then(send));
    const claim = await scene.claims.claim(scene.id, {});
    expect(await scene.claims.countTaken(scene.id)).toBe(1);
    await claim.release();
    await expectFree(scene);
  },
  async "overtaken by its own giving back"(scene) {
    const controller = new AbortController();
    let late: () => Promise<Reply> = () => Promise.resolve(null);
    scene.port.failNext((send) => {
      late = send;
      controller.abort(reason);
      return Promise.reject(reason);
    });
    await expect(scene.claims.claim(scene.id, { signal: controller.signal })).rejects.toBe(reason);
    if (scene.claimer.lateClaim !== "takes nothing") return;
    await settled(scene);
    await late();
    expect(await scene.claims.countTaken(scene.id)).toBe(0);
    await expectFree(scene);
  },
  async "its release sent twice"(scene) {
    const claim = await scene.claims.claim(scene.id, {});
    scene.port.failNext((send) => send().then(send));
    expect(await claim.release()).toBe(true);
    await expectFree(scene);
  },
  async "repeated after its release"(scene) {
    if (!scene.claims.named) return;
    let again: () => Promise<Reply> = () => Promise.resolve(null);
    scene.port.failNext((send) => {
      again = send;
      return send();
    });
    await (await scene.claims.claim(scene.id, {})).release();
    await again();
    expect(await scene.claims.countTaken(scene.id)).toBe(0);
  },
  async "claimed twice under one name"(scene) {
    if (!scene.claims.named) return;
    const named = { requestId: "r" };
    const [one, two] = [await scene.claims.claim(scene.id, named), await scene.claims.claim(scene.id, named)];
    expect(await scene.claims.countTaken(scene.id)).toBe(1);
    expect([await one.release(), await two.release()]).toEqual([true, true]);
    await expect(scene.claims.claim(scene.id, named)).rejects.toMatchObject({ code: "REFUSED" });
    await expectFree(scene);
  },
};

/** Gives what goes on in the background the time to have reached Redis: the scripts that it sends are behind us in the line. */
async function settled({ claims, id }: Scene): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await claims.countTaken(id);
  await sleep(50);
}

onStandaloneBackends("a claim", (backend) => {
  const cleanups: (() => unknown)[] = [];
  afterEach(() => cleanups.splice(0).forEach((cleanup) => cleanup()));

  async function open(claimer: Claimer, lease = 120_000): Promise<Scene> {
    const port = faulty(await backend.connect());
    const claims = claimer.make(port.redis, `${backend.prefix}:${Math.random().toString(36).slice(2)}`, lease);
    const scene = { claimer, claims, port, id: "u", patience: 5_000 };
    // Redis knows the scripts from here on, so that each call is one command.
    await (await claims.claim("warm", {})).release();
    await claims.countTaken("warm");
    return scene;
  }

  for (const claimer of ledger) {
    it.each(backend.share(Object.entries(scenes)))(`${claimer.name}, %s`, async (_, play) => {
      const scene = await open(claimer);
      expect(await scene.claims.countTaken(scene.id)).toBe(0);
      await play(scene);
    });
  }

  it.each(ledger.filter(({ killed }) => killed === "lease"))(
    "$name of a killed process ends with its lease",
    async (claimer) => {
      const { claims, id } = await open(claimer, 300);
      // The caller forgets it: nobody gives it back.
      await claims.claim(id, {});
      await expect.poll(() => claims.countTaken(id), { timeout: 10_000, interval: 20 }).toBe(0);
    },
  );

  const broken: Claimer = {
    ...permits,
    make(redis, prefix, lease) {
      const limiter = openPermits(redis, prefix, lease);
      return {
        // It takes a unit and gives nothing back.
        claim: async (id, { signal }) => ({
          release: await limiter.limit(id, { signal }).then(() => async () => true),
        }),
        countTaken: async (id) => 1 - (await limiter.peek(id)).remaining,
      };
    },
  };
  it.each(["aborted while its reply is on the way", "its reply lost", "sent twice"])(
    "rejects a claimer that gives nothing back: %s",
    async (name) => {
      const scene = { ...(await open(broken)), patience: 500 };
      await expect(scenes[name]?.(scene)).rejects.toBeInstanceOf(Error);
    },
    15_000,
  );
});

function promiseOf<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
