/** How the figures came about, for somebody who has never seen this repository. */
export const method: readonly string[] = [
  "This page is written by `npm run bench -- report` from what `npm run bench` found. Figures differ from machine to machine: trust the ratios, and run it on yours. `npm run bench -- limiter lock` measures those two only; `--quick` is for seeing that it works.",
  "## How it is measured",
  [
    "- Everybody runs in one process against one redis-server of its own; over HTTP against one [gateway](gateway.md) in that process. The bench of the gateway gives each server a process.",
    "- Before the first round, everybody does all of the work once: scripts are known to the server, connections are open, code is compiled.",
    "- Then come rounds, nine in the full mode. In each of them all take turns, in another order every time, so that a noisy minute hits all alike. Garbage is swept before each turn.",
    "- A figure is the median of the rounds. Behind it are the quartiles: half of the rounds lie between them.",
    "- **To ours** is a ratio within the same round, with this package as 1. Behind it is the same the other way round: what this package does if the row is 1. More is better, but for time and CPU.",
    "- **Again** is this package a second time. It should be 1.00x; what it is instead is the noise, and a smaller difference than that means nothing.",
    "- An **EVALSHA of an empty script**, a bare `fetch` and a bare `node:http` are what the machine does at best. Calls that are not batched cost a request each, so a batching client can be ahead of them.",
  ].join("\n"),
];

interface Subject {
  readonly title: string;
  readonly sentence: string;
}

/** What each bench is about. */
export const subjects: Readonly<Record<string, Subject>> = {
  limiter: {
    title: "Rate limiter",
    sentence:
      "Decisions about 200 ids whose limit is never reached. The bare EVALSHA sends what our limiter sends, without us.",
  },
  lock: { title: "Lock", sentence: "Acquire and release: two trips." },
  cache: { title: "Cache", sentence: "`getOrSet` on 1,000 keys, one tier on Redis." },
  session: { title: "Sessions", sentence: "Real Express applications, asked by eight visitors at once." },
  structures: {
    title: "Structures",
    sentence:
      "Each call of leaderboards, uniques, counters, records, feeds and Bloom filters, over TCP. The bare EVALSHA sends what our call sends, without us. The bare command does the heart of it alone: it sets no TTL, and counts twice what is sent twice.",
  },
  pubsub: {
    title: "Channels",
    sentence:
      "A message from its publication until its listener has it, in JSON of 115 bytes; one publisher and one subscriber, so many messages on their way at a time. What is resumable is kept for an hour, 10,000 messages of it.",
  },
  gateway: { title: "Gateway", sentence: "One command in each request; the client is in another process." },
  rest: {
    title: "REST client",
    sentence: "A stubbed `fetch` answers at once, so that only the client's work is left.",
  },
  memory: {
    title: "Redis in memory",
    sentence: "How long it takes to start, and what it does then, for tests and development.",
  },
  compare: { title: "What goes wrong", sentence: "Not speed, but what limiters do when something is against them." },
};
