// A claim, a release or a hand-off that is aborted, lost, doubled, late or overtaken: nothing stays taken, and nobody is answered by what
// was given up.
import { describe, expect, it } from "vitest";
import { LockLostError } from "../../../src/core/patterns/lock/errors.ts";
import { createElection } from "../../../src/core/patterns/lock/index.ts";
import type { Redis } from "../../../src/core/port/redis.ts";
import { sleep } from "../../../src/core/wait/sleep.ts";
import {
  againLater,
  answerHeldBack,
  answerLost,
  delayedRequest,
  doubled,
  requestLost,
  unreliable,
  type UnreliablePort,
} from "../../fixtures/lock-faults.ts";
import { type Held, type Kind, kinds, type KindOptions } from "../../fixtures/lock-kinds.ts";
import { onStandaloneBackends } from "../../support/backends.ts";

/** A lease of which nothing may be left after a test. */
const ttl = 30_000;

interface Scene {
  readonly port: UnreliablePort;
  /** The kind on the unreliable port, and on a port of somebody else. */
  readonly here: Kind;
  readonly there: Kind;
}

type Make = (redis: Redis, options: KindOptions) => Kind;

/** Each case says what is wrong at its end, or nothing. */
const cases: Readonly<Record<string, (scene: Scene) => Promise<string>>> = {
  "aborted before it was sent": async ({ here, there }) => {
    const reason = new Error("left");
    const error = await here.tryAcquire({ signal: AbortSignal.abort(reason) }).catch((error: unknown) => error);
    return error === reason ? freeAtOnce(there) : "it did not reject with the caller's reason";
  },

  "aborted while its answer was on the way": async ({ port, here, there }) => {
    const held = answerHeldBack();
    port.next(held.way);
    const left = await leave(here, held.ran);
    return left || freeSoon(there);
  },

  "aborted, and its release overtook it": async ({ port, here, there }) => {
    const delayed = delayedRequest();
    port.next(delayed.way);
    const left = await leave(here, delayed.sent);
    await delayed.arrive();
    return left || freeAtOnce(there);
  },

  "aborted as one that waits, and its release overtook it": async ({ port, here, there }) => {
    const delayed = delayedRequest();
    port.next(delayed.way);
    const left = await leave({ ...here, tryAcquire: here.acquire }, delayed.sent);
    await delayed.arrive();
    return left || freeAtOnce(there);
  },

  "left while it waited, and its last question came late": async ({ port, here, there }) => {
    const holder = await there.rival.tryAcquire();
    const delayed = delayedRequest();
    for (let i = 0; i < here.scriptsOfRefusal; i += 1) port.next((forward) => forward());
    port.next(delayed.way);
    const left = await leave({ ...here, tryAcquire: here.acquire }, delayed.sent);
    await delayed.arrive();
    if (!(await holder?.release())) return "the holder lost its lease";
    return left || freeAtOnce(there);
  },

  "answered by a broken connection after it ran": async ({ port, here, there }) => {
    port.next(answerLost);
    const error = await here.tryAcquire().catch((error: unknown) => error);
    return error instanceof Error ? freeSoon(there) : "a lost answer was taken for one";
  },

  "lost on its way": async ({ port, here, there }) => {
    port.next(requestLost);
    const error = await here.tryAcquire().catch((error: unknown) => error);
    return error instanceof Error ? freeSoon(there) : "a lost request was taken for an answer";
  },

  "run twice": async ({ port, here, there }) => {
    port.next(doubled);
    const lease = await here.tryAcquire();
    if (!lease) return "its own first run kept it out";
    if (!(await lease.release())) return "its release said false";
    return freeAtOnce(there);
  },

  "run again after it was extended": async ({ port, here }) => {
    const later = againLater();
    port.next(later.way);
    const lease = await here.acquire();
    await lease.extend({ ttl: 2 * ttl });
    await later.arrive();
    const left = here.inspect ? (await here.inspect()).remaining : 2 * ttl;
    return (await lease.release()) && left > ttl ? "" : "the second run shortened the lease";
  },

  "run again after its release": async ({ port, here, there }) => {
    const later = againLater();
    port.next(later.way);
    const lease = await here.acquire();
    await lease.release();
    await later.arrive();
    return freeAtOnce(there);
  },

  "granted after its deadline": async ({ port, here, there }) => {
    port.next(async (forward) => {
      const reply = await forward();
      await sleep(60);
      return reply;
    });
    const lease = await here.tryAcquire({ ttl: 50 });
    return lease ? "a lease that was over was given out" : freeSoon(there);
  },

  "granted after its deadline to one that waits": async ({ port, here }) => {
    port.next(async (forward) => {
      const reply = await forward();
      await sleep(40);
      return reply;
    });
    const lease = await here.acquire({ ttl: 30, wait: 10_000 }).catch((error: unknown) => String(error));
    return typeof lease === "string" ? lease : "";
  },

  "released with a signal that had aborted": async ({ here, there }) => {
    const lease = await here.acquire();
    await lease.release({ signal: AbortSignal.abort(new Error("left")) }).catch(() => {});
    return freeSoon(there);
  },

  "released, and the answer was lost": async ({ port, here, there }) => {
    const lease = await here.acquire();
    port.next(answerLost);
    await lease.release().catch(() => {});
    if (!(await lease.release())) return "the second try said that the lease had been lost";
    return freeAtOnce(there);
  },

  "released twice in one go": async ({ port, here, there }) => {
    const lease = await here.acquire();
    port.next(doubled);
    return (await lease.release()) ? freeAtOnce(there) : "the second run changed the answer";
  },
};

/** Cases of a lease that is handed off. */
const handOffs: Readonly<Record<string, (scene: Scene, text: string, resume: Resume) => Promise<string>>> = {
  "resumed twice": async ({ there }, text, resume) => {
    const first = await resume.there(text);
    const second = await lostOr(resume.there(text));
    if (second !== "lost") return "the second resume made a second holder";
    if (!(await first.release())) return "the first holder's release said false";
    const third = await there.rival.tryAcquire();
    if ((await lostOr(resume.there(text))) !== "lost") return "a spent text took the lease of the next holder";
    return (await third?.release()) ? "" : "the next holder lost its lease";
  },

  "resumed twice at the same time": async (_, text, resume) => {
    const both = await Promise.all([lostOr(resume.here(text)), lostOr(resume.there(text))]);
    const holders = both.flatMap((lease) => (lease === "lost" ? [] : [lease]));
    return holders.length === 1 && (await holders[0]?.release()) ? "" : `${holders.length} holders`;
  },

  "resumed by a script that ran twice": async ({ port, there }, text, resume) => {
    port.next(doubled);
    const lease = await resume.here(text);
    return (await lease.release()) ? freeAtOnce(there) : "its own first run made it a stranger";
  },

  "resumed once more by a late copy of the request": async ({ port, there }, text, resume) => {
    const later = againLater();
    port.next(later.way);
    const lease = await resume.here(text);
    await lease.release();
    await later.arrive();
    return freeAtOnce(there);
  },

  "resumed, and the answer was lost": async ({ port, there }, text, resume) => {
    port.next(answerLost);
    await lostOr(resume.here(text)).catch(() => {});
    return freeSoon(there);
  },

  "resumed by one that left before its request arrived": async ({ port, there }, text, resume) => {
    const delayed = delayedRequest();
    port.next(delayed.way);
    const controller = new AbortController();
    const resuming = resume.here(text, { signal: controller.signal }).catch(() => {});
    await delayed.sent;
    controller.abort(new Error("left"));
    await resuming;
    await settled();
    await delayed.arrive();
    // The text was not used up, since nobody holds anything under another token.
    const lease = await lostOr(resume.there(text));
    return lease !== "lost" && (await lease.release()) ? freeAtOnce(there) : "the text was used up by nobody";
  },
};

interface Resume {
  here(text: string, options?: { readonly signal: AbortSignal }): Promise<Held>;
  there(text: string): Promise<Held>;
}

/** Asks, waits until the request is on its way, and leaves. */
async function leave(kind: Pick<Kind, "tryAcquire">, onItsWay: Promise<unknown>): Promise<string> {
  const controller = new AbortController();
  const reason = new Error("left");
  const asking = kind.tryAcquire({ signal: controller.signal }).then(
    () => "it was granted to one that left",
    (error: unknown) => (error === reason ? "" : String(error)),
  );
  await onItsWay;
  controller.abort(reason);
  const left = await asking;
  await settled();
  return left;
}

/** Until what goes on in the background is done: a few trips on the loopback interface. */
async function settled(): Promise<void> {
  await sleep(50);
}

async function lostOr(resuming: Promise<Held>): Promise<Held | "lost"> {
  return resuming.catch((error: unknown) => {
    if (error instanceof LockLostError && error.code === "LOCK_LOST") return "lost" as const;
    throw error;
  });
}

async function freeAtOnce({ rival }: Kind): Promise<string> {
  const lease = await rival.tryAcquire({ ttl: 5_000 });
  if (!lease) return "it stayed taken";
  return (await lease.release()) ? "" : "another took it meanwhile";
}

/** Free long before the lease would be over. */
async function freeSoon(kind: Kind, tries = 40): Promise<string> {
  const found = await freeAtOnce(kind);
  if (!found || tries === 0) return found;
  await sleep(50);
  return freeSoon(kind, tries - 1);
}

onStandaloneBackends("a lock", (backend) => {
  const names = Object.entries(kinds);

  /** The kind on two ports, with every script of it known to the server. */
  async function sceneOf(make: Make, what: string): Promise<Scene> {
    const prefix = `${backend.prefix}:${what.replaceAll(" ", "-")}`;
    const port = unreliable(await backend.connect());
    const here = make(port, { prefix, ttl, wait: 5_000 });
    const there = make(await backend.connect(), { prefix, ttl, wait: 5_000 });
    const lease = await here.acquire();
    await lease.extend();
    const text = lease.serialize?.();
    await (text && here.resume ? await here.resume(text) : lease).release();
    return { port, here, there };
  }

  describe.each(Object.keys(cases))("claimed and %s", (what) => {
    it.each(backend.share(names))("is not taken by nobody: %s", async (kind, make) => {
      const scene = await sceneOf(make, `${what}:${kind}`);
      expect(await cases[what]?.(scene)).toBe("");
    });
  });

  describe.each(Object.keys(handOffs))("handed off and %s", (what) => {
    it.each(backend.share(names.filter(([kind]) => kind !== "many locks")))(
      "has one holder at most: %s",
      async (kind, make) => {
        const scene = await sceneOf(make, `${what}:${kind}`);
        const { here, there } = scene;
        const lease = await here.acquire();
        const text = lease.serialize?.() ?? "";
        const resume: Resume = {
          here: async (text, options) => (await here.resume?.(text, options)) ?? Promise.reject(new Error("no resume")),
          there: async (text) => (await there.resume?.(text)) ?? Promise.reject(new Error("no resume")),
        };
        expect(await handOffs[what]?.(scene, text, resume)).toBe("");
      },
    );
  });

  it("has a fence of its own after each hand-off, larger than the one before", async () => {
    for (const [kind, make] of names) {
      const { here, there } = await sceneOf(make, `fences:${kind}`);
      if (kind === "many locks") continue;
      const lease = await here.acquire();
      const resumed = await there.resume?.(lease.serialize?.() ?? "");
      expect(BigInt(resumed?.fence ?? 0), kind).toBeGreaterThan(BigInt(lease.fence ?? 0));
      expect(await lease.release(), kind).toBe(false);
      expect(await resumed?.release(), kind).toBe(true);
    }
  });

  it.each([
    ["its claim came after its release", delayedRequest] as const,
    ["the answer to its claim never came", answerHeldBack] as const,
  ])("is not led by a candidate that has left: %s", async (_, fault) => {
    const prefix = `${backend.prefix}:vote:${fault.name}`;
    const port = unreliable(await backend.connect());
    const election = createElection(port, { prefix, name: "a", ttl });
    await election.campaign(() => {});
    const stop = new AbortController();
    const held = fault();
    port.next(held.way);
    const campaign = election.campaign(() => {}, { signal: stop.signal });
    await ("sent" in held ? held.sent : held.ran);
    stop.abort();
    await campaign;
    await settled();
    if ("arrive" in held) await held.arrive();
    const led: string[] = [];
    await createElection(await backend.connect(), { prefix, name: "a", ttl }).campaign(
      ({ term }) => void led.push(term),
    );
    expect(led).toHaveLength(1);
  });
});

/** What many write first: no token is remembered, and nobody gives anything back. */
function brokenLock(redis: Redis, { prefix, ttl }: KindOptions): Kind {
  const holder = `lock:${prefix}:{broken}`;
  const lua = 'return redis.call("SET", KEYS[1], ARGV[1], "PX", ARGV[2], "NX") and 1 or 0';
  const loaded = redis.send(["SCRIPT", "LOAD", lua]);
  const tryAcquire = async ({ signal }: { readonly signal?: AbortSignal | undefined } = {}): Promise<Held | null> => {
    const sha = String(await loaded);
    const granted = await redis.send(["EVALSHA", sha, 1, holder, crypto.randomUUID(), ttl], { signal });
    if (granted !== 1) return null;
    const release = async () => (await redis.send(["DEL", holder])) === 1;
    return { signal: new AbortController().signal, remaining: ttl, extend: async () => {}, release };
  };
  const acquire = async () => (await tryAcquire()) ?? Promise.reject(new Error("busy"));
  return { tryAcquire, acquire, rival: { tryAcquire }, holder, scriptsOfRefusal: 1 };
}

/** What such a lock does not survive. */
const fatal = [
  "aborted while its answer was on the way",
  "aborted, and its release overtook it",
  "answered by a broken connection after it ran",
  "run twice",
  "run again after its release",
];

onStandaloneBackends("the list of cases", (backend) => {
  it.each(fatal)("rejects a lock that only sets and deletes a key: claimed and %s", async (what) => {
    const prefix = `${backend.prefix}:${what.replaceAll(" ", "-")}`;
    const port = unreliable(await backend.connect());
    const there = brokenLock(await backend.connect(), { prefix, ttl });
    expect(await cases[what]?.({ port, here: brokenLock(port, { prefix, ttl }), there })).toMatch(/taken|first run/);
  });
});
