import { describe, expect, it } from "vitest";
import { OptionError } from "../../src/core/errors.ts";
import type { Subscriber, Unsubscribe } from "../../src/core/port/subscriber.ts";
import { deliver, toChannel, toSubscription } from "../../src/core/port/subscriptions.ts";
import { sleep } from "../../src/core/wait/sleep.ts";
import { type Backend, onEverySubscriber } from "../support/backends.ts";
import { sized } from "../support/long.ts";

/** A pattern must be among the rights of its user by its own text, and here there are many. */
const everyChannel = ["&*"];

onEverySubscriber(
  "a subscriber",
  (backend) => {
    hearing(backend);
    patterns(backend);
    names(backend);
    leaving(backend);
    listeners(backend);
    misuse(backend);
    racesOf(backend);
  },
  everyChannel,
);

/** A listener that knows what it has heard. */
function createEar() {
  const heard: string[] = [];
  let wake = () => {};
  return {
    heard,
    listener: (message: string, channel: string) => {
      heard.push(`${channel} ${message}`);
      wake();
    },
    async until(count: number): Promise<void> {
      while (heard.length < count) await new Promise<void>((resolve) => (wake = resolve));
    },
  };
}

/** A subscriber, and a way to publish whose messages arrive in order. */
async function open(backend: Backend) {
  const subscriber = await backend.listen();
  const [server] = backend.servers;
  const publish = (channel: string, message: string) => server?.send(["PUBLISH", channel, message]);
  return {
    subscriber,
    publish,
    /** Over HTTP, the gateway sees a moment later that its reader has left. */
    async expectNobody(channel: string): Promise<void> {
      const isLate = /rest|upstash/.test(backend.name);
      let receivers = await publish(channel, "unheard");
      for (let tries = 0; isLate && receivers !== 0 && tries < 1_000; tries += 1) {
        await sleep(5);
        receivers = await publish(channel, "unheard");
      }
      expect(receivers).toBe(0);
    },
    /** What was published before has arrived when this resolves. */
    async settle(): Promise<void> {
      const end = createEar();
      const stop = await subscriber.subscribe(`end:${backend.prefix}`, end.listener);
      // Over HTTP it comes on another connection, so that it could be the first once.
      for (let round = 1; round <= 3; round += 1) {
        await publish(`end:${backend.prefix}`, "");
        await end.until(round);
      }
      await stop();
    },
  };
}

/** Names a channel that no other test uses. */
function createNaming(backend: Backend, word: string): (name?: string) => string {
  let count = 0;
  return (name = "") => `${word}:${backend.prefix}:${(count += 1)}${name}`;
}

const kinds = ["subscribe", "psubscribe"] as const;

function hearing(backend: Backend): void {
  const nameOf = createNaming(backend, "hearing");

  it.each(kinds)("hears what is published, as it was published, in order, and on which channel: %s", async (kind) => {
    const { subscriber, publish } = await open(backend);
    const [channel, ear] = [nameOf(":ü"), createEar()];
    await subscriber[kind](channel, ear.listener);
    const messages = ["plain", "", "ü😀", '{"a":1}', "two\nlines", "data: x\r\n\r\n", "x".repeat(100_000), "last"];
    for (const message of messages) await publish(channel, message);
    await ear.until(messages.length);
    expect(ear.heard).toEqual(messages.map((message) => `${channel} ${message}`));
  });

  it.each(kinds)("hears the first message after the confirmation, every time: %s", async (kind) => {
    const { subscriber, publish } = await open(backend);
    for (let round = 0; round < 50; round += 1) {
      const [channel, ear] = [nameOf(), createEar()];
      await subscriber[kind](channel, ear.listener);
      await publish(channel, "first");
      await ear.until(1);
    }
  });

  it("hears nothing of other channels", async () => {
    const { subscriber, publish, settle } = await open(backend);
    const [channel, ear] = [nameOf(), createEar()];
    await subscriber.subscribe(channel, ear.listener);
    for (const other of [`${channel}0`, channel.slice(0, -1), channel.toUpperCase()]) await publish(other, "no");
    await settle();
    expect(ear.heard).toEqual([]);
  });

  it("takes 200 channels at once", async () => {
    const { subscriber, publish } = await open(backend);
    const [channels, ear] = [Array.from({ length: 200 }, () => nameOf()), createEar()];
    const stops = await Promise.all(channels.map((channel) => subscriber.subscribe(channel, ear.listener)));
    await Promise.all(channels.map((channel) => publish(channel, "m")));
    await ear.until(200);
    expect(ear.heard.toSorted()).toEqual(channels.map((channel) => `${channel} m`).toSorted());
    await Promise.all(stops.map((stop) => stop()));
  });
}

/** A pattern, and what follows its beginning in channels that it matches and in others. */
const globs: readonly (readonly [pattern: string, matches: readonly string[], others: readonly string[]])[] = [
  ["*", ["", "a", "a:b", "*", "\n"], []],
  ["a*c", ["ac", "abc", "a*c", "abcc"], ["ab", "bac", "acb"]],
  ["a?c", ["abc", "a?c", "a c"], ["ac", "abbc", "aüc"]],
  ["a[bx]c", ["abc", "axc"], ["ac", "a[bx]c", "abxc"]],
  ["a[^b]c", ["aac", "a^c"], ["abc", "ac"]],
  ["a[b-d]e", ["abe", "ade"], ["aee", "a-e"]],
  ["a\\*c", ["a*c"], ["abc", "a\\*c"]],
  ["ü[ü]", [], ["üü"]],
  ["a**", ["a", "ab"], ["b"]],
];

function patterns(backend: Backend): void {
  const nameOf = createNaming(backend, "patterns");

  it.each(globs)("hears the channels that match the pattern %j", async (pattern, matches, others) => {
    const { subscriber, publish, settle } = await open(backend);
    const [start, ear] = [`${nameOf()}:`, createEar()];
    await subscriber.psubscribe(start + pattern, ear.listener);
    for (const rest of [...others, ...matches]) await publish(start + rest, "m");
    await settle();
    expect(ear.heard).toEqual(matches.map((rest) => `${start}${rest} m`));
  });

  it("hears a message once for each subscription, where a channel and patterns overlap", async () => {
    const { subscriber, publish, settle } = await open(backend);
    const channel = nameOf(":x");
    const ears = Array.from({ length: 5 }, createEar);
    const all = [channel, channel, `${channel.slice(0, -1)}*`, `${channel.slice(0, -1)}*`, `${channel.slice(0, -2)}*`];
    const stops = await Promise.all(
      ears.map(({ listener }, i) => subscriber[i < 2 ? "subscribe" : "psubscribe"](all[i] ?? "", listener)),
    );
    await publish(channel, "one");
    await settle();
    expect(ears.map(({ heard }) => heard)).toEqual(ears.map(() => [`${channel} one`]));
    await stops[0]?.();
    await stops[2]?.();
    await publish(channel, "two");
    await settle();
    expect(ears.map(({ heard }) => heard.length)).toEqual([1, 2, 1, 2, 2]);
    await stops[1]?.();
    await stops[3]?.();
    await publish(channel, "three");
    await settle();
    expect(ears.map(({ heard }) => heard.length)).toEqual([1, 2, 1, 2, 3]);
  });

  it("does not take the name of a channel for a pattern", async () => {
    const { subscriber, publish, settle } = await open(backend);
    const [channel, ear, pattern] = [nameOf(":*"), createEar(), createEar()];
    await subscriber.subscribe(channel, ear.listener);
    const stop = await subscriber.psubscribe(channel, pattern.listener);
    await publish(`${channel.slice(0, -1)}a`, "to the pattern");
    await publish(channel, "to both");
    await settle();
    await stop();
    await publish(channel, "to the channel");
    await settle();
    expect(ear.heard).toEqual([`${channel} to both`, `${channel} to the channel`]);
    expect(pattern.heard).toEqual([`${channel.slice(0, -1)}a to the pattern`, `${channel} to both`]);
  });
}

const oddNames: readonly string[] = [
  ...[
    "a,b",
    ",",
    "a b",
    "a\nb",
    "\r\n",
    "a\u00a0b\u2003c\u2028",
    "ü",
    "🔒",
    "%2C",
    "a/b",
    "a?b#c",
    "[a]*",
    "\\",
    "{x}",
  ],
  ...["__proto__", "constructor", "message", "subscribe,a,1", '"', "\0", "x".repeat(10_000)],
];

function names(backend: Backend): void {
  const nameOf = createNaming(backend, "names");

  it("takes names of all kinds, and tells them as they are", async () => {
    const { subscriber, publish } = await open(backend);
    const channels = oddNames.map((odd) => nameOf(odd));
    const ears = channels.map(() => createEar());
    const stops = await Promise.all(channels.map((name, i) => subscriber.subscribe(name, ears[i]?.listener ?? fail)));
    for (const channel of channels) await publish(channel, "m");
    await Promise.all(ears.map((ear) => ear.until(1)));
    expect(ears.map(({ heard }) => heard)).toEqual(channels.map((channel) => [`${channel} m`]));
    await Promise.all(stops.map((stop) => stop()));
  });

  it.each(["message", "pmessage", "subscribe", "__proto__", "toString"])("takes the bare name %s", async (name) => {
    const { subscriber, publish } = await open(backend);
    const ear = createEar();
    const stop = await subscriber.subscribe(name, ear.listener);
    await publish(name, backend.prefix);
    await ear.until(1);
    expect(ear.heard).toContain(`${name} ${backend.prefix}`);
    await stop();
  });

  it.each(kinds)("takes lone surrogates for what is sent in their place: %s", async (kind) => {
    const { subscriber, publish, expectNobody } = await open(backend);
    const [channel, ear] = [nameOf(":\ud800:\udc00"), createEar()];
    const stop = await subscriber[kind](channel, ear.listener);
    await publish(channel, "\udfff");
    await ear.until(1);
    expect(ear.heard).toEqual([`${channel.replace(/[\ud800\udc00]/g, "\ufffd")} \ufffd`]);
    await stop();
    await expectNobody(channel);
  });
}

const fail = () => {
  throw new Error("nobody was to be told");
};

function leaving(backend: Backend): void {
  const nameOf = createNaming(backend, "leaving");

  it.each(kinds)("hears nothing more from the moment that it leaves, and leaves once: %s", async (kind) => {
    const { subscriber, publish, settle, expectNobody } = await open(backend);
    const [channel, ear, other] = [nameOf(), createEar(), createEar()];
    const stop = await subscriber[kind](channel, ear.listener);
    const stopOther = await subscriber[kind](channel, other.listener);
    await publish(channel, "1");
    await ear.until(1);
    const published = publish(channel, "2");
    const left = stop();
    await Promise.all([left, stop(), published]);
    await stop();
    await publish(channel, "3");
    await settle();
    expect(ear.heard).toEqual([`${channel} 1`]);
    expect(other.heard).toHaveLength(3);
    await stopOther();
    await expectNobody(channel);
  });

  it("knows two subscriptions with one listener apart", async () => {
    const { subscriber, publish, settle, expectNobody } = await open(backend);
    const [channel, ear] = [nameOf(), createEar()];
    const stops = [
      await subscriber.subscribe(channel, ear.listener),
      await subscriber.subscribe(channel, ear.listener),
    ];
    await publish(channel, "1");
    await stops[0]?.();
    await stops[0]?.();
    await publish(channel, "2");
    await settle();
    expect(ear.heard.slice(-1)).toEqual([`${channel} 2`]);
    expect(ear.heard.length).toBeLessThanOrEqual(3);
    await stops[1]?.();
    await expectNobody(channel);
  });

  it("does not end with a signal that aborts after the confirmation, and ends with one that aborts before", async () => {
    const { subscriber, publish, settle, expectNobody } = await open(backend);
    const [channel, ear] = [nameOf(), createEar()];
    const [before, during, after] = [new AbortController(), new AbortController(), new AbortController()];
    const reason = { why: "the caller has gone" };
    before.abort(reason);
    await expect(subscriber.subscribe(channel, fail, { signal: before.signal })).rejects.toBe(reason);
    const asked = subscriber.subscribe(channel, fail, { signal: during.signal });
    during.abort(reason);
    await expect(asked).rejects.toBe(reason);
    const stop = await subscriber.subscribe(channel, ear.listener, { signal: after.signal });
    after.abort(reason);
    await publish(channel, "heard");
    await settle();
    expect(ear.heard).toEqual([`${channel} heard`]);
    await stop();
    await expectNobody(channel);
  });
}

function listeners(backend: Backend): void {
  const nameOf = createNaming(backend, "listeners");

  it.each(kinds)("may leave, and end others, within a listener: %s", async (kind) => {
    const { subscriber, publish, settle } = await open(backend);
    const channel = nameOf();
    const stops: Unsubscribe[] = [];
    const heard: string[] = [];
    const leaving: Promise<void>[] = [];
    stops.push(
      await subscriber[kind](channel, (message) => {
        heard.push(`first ${message}`);
        leaving.push(...stops.slice(0, 2).map((stop) => stop()));
      }),
    );
    for (const who of ["second", "third"]) {
      stops.push(await subscriber[kind](channel, (message) => heard.push(`${who} ${message}`)));
    }
    await publish(channel, "1");
    await publish(channel, "2");
    await settle();
    await Promise.all(leaving);
    expect(heard).toEqual(["first 1", "third 1", "third 2"]);
    await stops[2]?.();
  });

  it("may subscribe within a listener, which is not given the same message again", async () => {
    const { subscriber, publish, settle } = await open(backend);
    const [channel, other, ear] = [nameOf(), nameOf(), createEar()];
    const opened: Promise<Unsubscribe>[] = [];
    const stop = await subscriber.subscribe(channel, (message) => {
      if (message !== "1") return;
      for (const name of [channel, other]) opened.push(subscriber.subscribe(name, ear.listener));
    });
    await publish(channel, "1");
    await settle();
    await Promise.all(opened);
    expect(ear.heard).toEqual([]);
    await publish(channel, "2");
    await publish(other, "2");
    await settle();
    expect(ear.heard.toSorted()).toEqual([`${channel} 2`, `${other} 2`]);
    await Promise.all([stop(), ...opened.map(async (each) => (await each)())]);
  });
}

function misuse(backend: Backend): void {
  it.each(kinds)("rejects what can never work, and keeps nothing of it: %s", async (kind) => {
    const { subscriber } = await open(backend);
    const name = `misuse:${backend.prefix}`;
    const wrong: readonly unknown[][] = [
      ["", fail],
      [undefined, fail],
      [["a", "b"], fail],
      [7, fail],
      [name, undefined],
      [name, "no function"],
      [name, fail, null],
      [name, fail, 1_000],
      [name, fail, { onReconnect: null }],
      [name, fail, { onReconnect: "no function" }],
    ];
    const call: (...args: unknown[]) => Promise<unknown> = subscriber[kind] as never;
    for (const args of wrong) await expect(call(...args), JSON.stringify(args)).rejects.toThrow(OptionError);
    const [server] = backend.servers;
    expect(await server?.send(["PUBLISH", name, "m"])).toBe(0);
  });
}

/** Ways in which somebody leaves a channel while somebody else comes. Each gives the two who must hear the next message, or one. */
const races: Record<string, (come: Come, stop: Unsubscribe) => Promise<readonly [Arrival, ...Arrival[]]>> = {
  "#598: one leaves, and another comes before that is confirmed": async (come, stop) => {
    const left = stop();
    const next = come();
    await Promise.all([left, next]);
    return [await next];
  },
  "#599: another comes, and one leaves before that is confirmed": async (come, stop) => {
    const next = come();
    const left = stop();
    await Promise.all([left, next]);
    return [await next];
  },
  "#7: all leave and come in one tick": async (come, stop) => {
    const short = come();
    const left = stop();
    const shorter = come();
    const leaving = [short, shorter].map(async (each) => (await each).stop());
    const next = come();
    await Promise.all([left, next, ...leaving]);
    return [await next];
  },
  "#225: one who has left leaves again while others come": async (come, stop) => {
    await stop();
    const next = come();
    const left = stop();
    const last = come();
    await Promise.all([left, stop(), next, last]);
    return [await next, await last];
  },
};

type Come = () => Promise<Arrival>;

interface Arrival {
  readonly heard: readonly string[];
  readonly stop: Unsubscribe;
  until(count: number): Promise<void>;
}

function racesOf(backend: Backend): void {
  const nameOf = createNaming(backend, "races");

  it.each(Object.entries(races))(
    "loses nobody and keeps no ghost (graphql-redis-subscriptions) %s",
    async (_, race) => {
      const { subscriber, publish, expectNobody } = await open(backend);
      for (const kind of kinds) {
        const channel = nameOf();
        await raceOften(subscriber, kind, channel, publish, race);
        await expectNobody(channel);
      }
    },
  );
}

async function raceOften(
  subscriber: Subscriber,
  kind: (typeof kinds)[number],
  channel: string,
  publish: (channel: string, message: string) => Promise<unknown> | undefined,
  race: (typeof races)[string],
): Promise<void> {
  const everyone: Arrival[] = [];
  const come = async (): Promise<Arrival> => {
    const ear = createEar();
    const arrival = { ...ear, stop: await subscriber[kind](channel, ear.listener) };
    everyone.push(arrival);
    return arrival;
  };
  // Both kinds and four ways: 1,000 in all.
  for (let round = 0; round < sized(125, 25); round += 1) {
    everyone.length = 0;
    const here = await race(come, (await come()).stop);
    await publish(channel, `round ${round}`);
    await Promise.all(here.map((arrival) => arrival.until(1)));
    const heard = everyone.filter((arrival) => arrival.heard.length > 0);
    expect(new Set(heard)).toEqual(new Set(here));
    expect(heard.flatMap((arrival) => arrival.heard)).toEqual(here.map(() => `${channel} round ${round}`));
    await Promise.all(here.map((arrival) => arrival.stop()));
  }
}

describe("what every subscriber does", () => {
  const subscriptionOf = (listener: () => void) => toSubscription(listener, undefined);

  it("gives a message to those who were there when it came, and to nobody who has left meanwhile", () => {
    const heard: string[] = [];
    const second = subscriptionOf(() => heard.push("second"));
    const late = subscriptionOf(() => heard.push("late"));
    const all = new Set([
      subscriptionOf(() => {
        heard.push("first");
        all.delete(second);
        all.add(late);
      }),
      second,
      subscriptionOf(() => heard.push("third")),
    ]);
    deliver(all, "m", "c");
    expect(heard).toEqual(["first", "third"]);
  });

  it("names a channel as Redis will", () => {
    expect(toChannel("channel", "a\ud800b🔒\udfff")).toBe("a\ufffdb🔒\ufffd");
    expect(() => toChannel("pattern", "")).toThrow(/`pattern`/);
  });
});
