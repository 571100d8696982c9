// Channels beside the publish and subscribe of ioredis, @upstash/redis and @upstash/realtime: `npm run bench -- pubsub`.
import type { Asked, Load } from "../harness/contender.ts";
import { run } from "../harness/run.ts";
import { openScene } from "../harness/scene.ts";
import { pause, rateAndTimes } from "../harness/work.ts";
import { overHttp } from "./http.ts";
import { overTcp } from "./tcp.ts";

const loads = { tcp: [loadOf(1, 1_000), loadOf(64, 6_000)], http: [loadOf(1, 300), loadOf(64, 2_000)] };

await run("pubsub", async (bench) => {
  const { at, close } = await openScene();
  for (const delivery of ["fire-and-forget", "resumable"] as const) {
    const contenders = overTcp(at, delivery);
    await bench.measure({ title: `Channels over TCP: ${delivery}`, contenders, loads: loads.tcp });
  }
  for (const delivery of ["fire-and-forget", "resumable"] as const) {
    const contenders = overHttp(at, delivery);
    await bench.measure({ title: `Channels over HTTP: ${delivery}`, contenders, loads: loads.http });
  }
  await close();
});

/** So many messages are on their way at a time: published, and not yet heard. */
function loadOf(inFlight: number, calls: number): Load<Asked> {
  const name = `${inFlight} in flight`;
  return {
    calls,
    columns: [
      { name, unit: "messages/s", better: "more" },
      { name, unit: "p50 ms", better: "less" },
    ],
    async run({ call }, calls) {
      const [perSecond, p50] = await Promise.race([rateAndTimes(inFlight, calls, () => call("")), giveUp()]);
      return [perSecond, p50];
    },
  };
}

/** A message that was lost would be waited for without an end. */
async function giveUp(): Promise<never> {
  await pause(60_000);
  throw new Error("a message was not heard within a minute");
}
