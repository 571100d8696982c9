import { Redis as Client } from "ioredis";
import { ioredis } from "../../src/adapters/ioredis/ioredis.ts";
import type { Arg, Command, Redis } from "../../src/core/port/redis.ts";
import { type Asked, type Contender, twice } from "../harness/contender.ts";
import type { Address } from "../harness/scene.ts";
import { type Call, cycle, forEach, type Measure } from "./measure.ts";

/** This package twice, the very commands that it sends by a client without us, one bare command, and redis-rank where it can do that. */
export function contendersOf({ host, port }: Address, measure: Measure): readonly Contender<Asked>[] {
  const { ours, command, vary, rival } = measure;
  const open = (make: (client: Client) => Call | Promise<Call>) => async () => {
    const client = new Client({ host, port });
    const call = await make(client);
    let n = 0;
    return { call: () => call((n += 1)), close: () => client.disconnect() };
  };
  return [
    ...twice(
      "redis-patterns",
      open((client) => ours(ioredis(client))),
    ),
    {
      name: "bare EVALSHA of the same commands, ioredis",
      role: "limit",
      open: open((client) => replay(client, ours, vary)),
    },
    {
      name: `bare ${command(0)[0]}, ioredis`,
      role: "limit",
      open: open((client) => (i) => run(client, command(i))),
    },
    ...(rival ? [{ name: "redis-rank", role: "other", open: open(rival) } as const] : []),
  ];
}

/** Records what our calls send, and sends it again. */
async function replay(client: Client, ours: Measure["ours"], vary = (command: Command) => command): Promise<Call> {
  const redis = ioredis(client);
  let sent: Command[] = [];
  const note: Redis["send"] = (command, options) => {
    sent.push(command);
    return redis.send(command, options);
  };
  const call = ours({ ...redis, send: note });
  // It finds the script on the server afterwards.
  await call(0);
  sent = [];
  await forEach(cycle, call);
  if (sent.length !== cycle) throw new Error(`${cycle} calls sent ${sent.length} commands`);
  const [first = ["PING"]] = sent;
  const prepared = sent.map((command) => ({ command, at: command.findIndex(isMarker) }));
  if (prepared.some(({ command, at }) => at < 0 && command.some((arg) => String(arg).includes(":once:")))) {
    throw new Error("a change would be sent again under its own name, which changes nothing");
  }
  return (i) => {
    const { command = first, at = -1 } = prepared[i % cycle] ?? {};
    return run(client, vary(at < 0 ? command : withMarker(command, at, i)));
  };
}

/** The key that remembers a call for a minute. The same one again would change nothing. */
function isMarker(arg: Arg): boolean {
  return /:once:.+:[\w-]{23}$/.test(String(arg));
}

function withMarker(command: Command, at: number, i: number): Command {
  const [name, ...args] = command;
  const marker = String(command[at]);
  // Later than all that were recorded, and as long as they are.
  args[at - 1] = marker.slice(0, -23) + String(i).padStart(23, "-");
  return [name, ...args];
}

function run(client: Client, [name, ...args]: Command): Promise<unknown> {
  if (name !== "EVALSHA") return client.call(name, ...args);
  const [digest = "", keys = 0, ...rest] = args;
  return client.evalsha(String(digest), Number(keys), ...rest);
}
