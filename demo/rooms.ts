import { createPresence, type Transition } from "../src/core/patterns/presence/index.ts";
import { createChannels, type Polling, resumable } from "../src/core/patterns/pubsub/index.ts";
import type { Redis } from "../src/core/port/redis.ts";
import type { Subscriber } from "../src/core/port/subscriber.ts";
import { minutes, seconds } from "../src/core/time/duration.ts";
import { sleep } from "../src/core/wait/sleep.ts";

/** What messages arrive by in one runtime. */
export type Hearing = Subscriber | Polling;

/** What one route does, in the rooms of one run of the demo. */
type Use = (redis: Redis, prefix: string, query: URLSearchParams) => Promise<unknown>;

const room = "lobby";
/** Nothing that the demo waits for takes as long, unless it never comes. */
const patience = seconds(5);

/** Routes of a chat room and of who is in it, which are the same code in all three runtimes. */
export function createRooms(subscriber: Hearing): Readonly<Record<string, Use>> {
  // Only a process that stays can listen between two requests.
  const heard = new Map<string, string[]>();
  const delivery = resumable({ keep: { age: minutes(5) } });
  const channels = (redis: Redis, prefix: string) => createChannels<string>(redis, { prefix, subscriber, delivery });
  const online = (redis: Redis, prefix: string) =>
    createPresence(redis, { prefix, subscriber, ttl: minutes(1), keep: { age: minutes(5) } });
  return {
    async listen(redis, prefix) {
      const lines: string[] = [];
      heard.set(prefix, lines);
      await channels(redis, prefix).subscribe(room, ({ data }) => lines.push(data));
    },
    async heard(_, prefix, query) {
      const lines = heard.get(prefix) ?? [];
      await waitFor(() => lines.length >= numberIn(query));
      return lines;
    },
    say: (redis, prefix, query) =>
      channels(redis, prefix).publish(room, query.get("line") ?? "", { requestId: query.get("request") ?? "" }),
    async read(redis, prefix, query) {
      const lines: string[] = [];
      const options = { from: query.get("from") ?? "", signal: AbortSignal.timeout(patience) };
      for await (const { data } of channels(redis, prefix).messages(room, options)) {
        lines.push(data);
        if (lines.length >= numberIn(query)) break;
      }
      return lines;
    },
    enter: async (redis, prefix, query) => (await online(redis, prefix).join(room, query.get("player") ?? "")).id,
    exit: (redis, prefix, query) =>
      online(redis, prefix)
        .resume(room, query.get("player") ?? "", query.get("visit") ?? "")
        .leave(),
    present: async (redis, prefix) => (await online(redis, prefix).list(room)).members,
    async moves(redis, prefix, query) {
      const moves: Transition<unknown>[] = [];
      const stop = await online(redis, prefix).subscribe(room, (move) => moves.push(move), { from: "beginning" });
      await waitFor(() => moves.length >= numberIn(query));
      await stop();
      return moves.map(({ type, member }) => `${member} ${type}`);
    },
  };
}

function numberIn(query: URLSearchParams): number {
  return Number(query.get("count"));
}

async function waitFor(isDone: () => boolean): Promise<void> {
  for (let waited = 0; !isDone() && waited < patience; waited += 10) await sleep(10);
}
