import { Redis as UpstashRedis } from "@upstash/redis/cloudflare";
import { rest } from "../../../src/adapters/rest/rest.ts";
import { restSubscriber } from "../../../src/adapters/rest/subscriber.ts";
import { upstash } from "../../../src/adapters/upstash/upstash.ts";
import type { Redis } from "../../../src/core/port/redis.ts";
import type { Deadline } from "../rows.ts";

/** Takes the place of test/support/rows.ts inside a Worker: everything goes over HTTP to a gateway. */

/** Where things listen. Told before the first step runs. */
export interface Places {
  readonly gateway: { readonly url: string; readonly token: string };
  /** A way to the server that refuses nothing. */
  readonly backDoor: { readonly url: string; readonly token: string };
}

const places: { current?: Places } = {};

/** Tells where things listen. */
export function settle(told: Places): void {
  places.current = told;
}

function told(): Places {
  if (places.current) return places.current;
  throw new Error("No request has told the Worker yet where the gateway listens");
}

/** No timer watches the machine in a Worker, so slow commands are left to the same suites outside. */
export async function openServer(): Promise<{ stop(): void; late(): number }> {
  return { stop: () => {}, late: () => Infinity };
}

export const standaloneRows = [
  row("rest", (deadline) => rest({ ...told().gateway, ...deadline })),
  row("upstash", (deadline) => upstash(new UpstashRedis(told().gateway), deadline)),
];

/** No Redis is inside of these Workers. */
export const memoryRows = [];

export const clusterRows = [];

function row(name: string, connect: (deadline: Deadline) => Redis) {
  return {
    name: `${name}, in workerd`,
    listens: true,
    open: async (_server: unknown, _closing: unknown, deadline: Deadline) => ({
      connect: async () => connect(deadline),
      listen: async () => restSubscriber({ ...told().gateway, ...deadline }),
      servers: [rest(told().backDoor)],
    }),
  };
}

/** Rows are chosen outside of a Worker. */
export const areChosen = false;
