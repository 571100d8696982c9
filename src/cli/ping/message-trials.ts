import { codeOf, isReplyError } from "../../core/failure.ts";
import { createPresence } from "../../core/patterns/presence/index.ts";
import { createChannels, polling, resumable } from "../../core/patterns/pubsub/index.ts";
import { sleep } from "../../core/wait/sleep.ts";
import { expectTrue, id, type Trial, ttl, Untried } from "./trial.ts";

/** How long a message may take, in milliseconds. */
const patience = 5_000;

/** Every pattern that sends messages, by its name in the table. */
export const messageTrials: readonly (readonly [name: string, trial: Trial])[] = [
  [
    "channel",
    async (redis, prefix, { channels }) => {
      if (!channels) throw new Untried("--no-channels");
      await createChannels(redis, { prefix }).publish(id, "message");
    },
  ],
  ["channel, heard", hear],
  [
    "channel, resumable",
    async (redis, prefix) => {
      const delivery = resumable({ keep: { age: ttl, length: 10 } });
      const channels = createChannels(redis, { prefix, delivery, subscriber: polling({ every: patience }) });
      const published = await channels.publish(id, "message");
      const signal = AbortSignal.timeout(patience);
      let found: string | undefined;
      for await (const message of channels.messages(id, { from: "beginning", signal })) {
        found = message.id;
        break;
      }
      expectTrue(found === published.id, "The message was not found in the log");
    },
  ],
  [
    "presence",
    async (redis, prefix) => {
      const online = createPresence(redis, { prefix, ttl });
      const visit = await online.join(id, "ada");
      await visit.extend();
      expectTrue((await online.list(id)).members[0]?.member === "ada", "The member was not found in the room");
      expectTrue(await visit.leave(), "The visit had ended before it was left");
    },
  ],
];

/** Publishes as the program does, and listens as its subscriber does. */
async function hear(...[redis, prefix, { channels: isAllowed, subscriber }]: Parameters<Trial>): Promise<void> {
  if (!isAllowed) throw new Untried("--no-channels");
  const channels = createChannels(redis, { prefix, subscriber });
  const heard: unknown[] = [];
  const stop = await channels.subscribe(id, ({ data }) => heard.push(data)).catch(explainRefusal);
  try {
    await channels.publish(id, "message");
    for (let waited = 0; heard.length === 0 && waited < patience; waited += 10) await sleep(10);
    expectTrue(heard.length > 0, "A subscriber did not hear what was published");
  } finally {
    await stop();
  }
}

/** Who only publishes needs no right to subscribe, and a gateway needs no streams. */
function explainRefusal(error: unknown): never {
  if (codeOf(error) === "NOPERM")
    throw new Untried("This user may not subscribe, as it should be if another one listens");
  if (isReplyError(error) && error.message.includes("is not served")) throw new Untried(error.message);
  throw error;
}
