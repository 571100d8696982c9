import { argText } from "../../core/port/arg.ts";
import { OptionError } from "../../core/errors.ts";
import { unchecked } from "../../core/unchecked.ts";
import type { Arg, Command } from "../../core/port/redis.ts";

/** The subset of an ioredis `Redis` or `Cluster` that the adapter needs. Versions 5 and 6 have it. */
export interface IoredisClient {
  readonly status: string;
  readonly isCluster: boolean;
  readonly options: object;
  callBuffer(name: string, args: Arg[]): Promise<unknown>;
  sendCommand(command: never): unknown;
  multi(): IoredisBatch;
  on(event: string, listener: (...args: unknown[]) => void): unknown;
  off(event: string, listener: (...args: unknown[]) => void): unknown;
  /** Only a `Cluster` has it. */
  nodes?(role: "all" | "master"): readonly IoredisClient[];
}

/** The subset of an ioredis `Redis` or `Cluster` that the subscriber needs. Versions 5 and 6 have it. */
export interface IoredisSubscriberClient extends IoredisClient {
  subscribe(channel: string): Promise<unknown>;
  unsubscribe(channel: string): Promise<unknown>;
  psubscribe(pattern: string): Promise<unknown>;
  punsubscribe(pattern: string): Promise<unknown>;
}

/** The subset of what ioredis' `multi()` returns. */
export interface IoredisBatch {
  callBuffer(name: string, args: Arg[]): unknown;
  exec(): Promise<unknown>;
}

/** A connection to Redis, as Node has it. */
export interface Socket {
  /** The number of bytes that came from Redis. */
  readonly bytesRead: number;
  readonly destroyed: boolean;
  destroy(error: Error): unknown;
}

/** When commands were written to a connection. Those that are written together share it. */
export interface Writing {
  readonly socket: Socket;
  /** The bytes that the connection had read by then. */
  readonly heard: number;
  /** The time, by `performance.now()`. */
  readonly at: number;
}

/** A command in the queues of ioredis. */
export interface QueuedCommand {
  name: string;
  args: unknown[];
  readonly promise: Promise<unknown>;
  /** The latest time that it was written. */
  writing?: Writing;
  /** Tells the caller that the answer is lost; set where the command must not be sent again. */
  lose?: () => void;
  /** As `lose`, for a second write after the connection of the first was lost. */
  loseAgain?: () => void;
  toWritable(socket: Socket): unknown;
  getSlot(): number | null;
}

const remedies: readonly (readonly [clue: string, remedy: string])[] = [
  ["send", "it is an adapter already; pass it to the pattern as it is"],
  ["isOpen", "it is a node-redis client; make an ioredis one: new Redis(url)"],
  ["createScript", "it is an @upstash/redis client; pass it to upstash(client)"],
];

export function checkClient<T extends IoredisClient>(client: T): T {
  const given: unknown = client;
  if (typeof given !== "object" || given === null) {
    throw new OptionError("`client` must be an ioredis Redis or Cluster, such as new Redis(url)");
  }
  if (typeof client.callBuffer !== "function" || typeof client.sendCommand !== "function") {
    const remedy = remedies.find(([clue]) => clue in given)?.[1] ?? "make one by new Redis(url)";
    throw new OptionError(`\`client\` must be an ioredis Redis or Cluster: ${remedy}`);
  }
  return client;
}

export function checkReads(client: IoredisClient): void {
  const scaleReads = optionOf(client, "scaleReads");
  if (!client.isCluster || scaleReads === undefined || scaleReads === "master") return;
  throw new OptionError('`client` must have scaleReads: "master"; a replica may serve what was deleted a moment ago');
}

/** ioredis puts a prefix before keys, but not before the channels that scripts publish to, nor in what SCAN finds. */
export function checkKeyPrefix<T extends IoredisClient>(client: T): T {
  const nodes = Object(optionOf(client, "redisOptions"));
  if (!optionOf(client, "keyPrefix") && !Reflect.get(nodes, "keyPrefix")) return client;
  throw new OptionError("`client` must have no `keyPrefix`; give each pattern a `prefix` instead, such as `app:user`");
}

export function optionOf(client: IoredisClient, name: string): unknown {
  return Reflect.get(client.options, name);
}

/** Gives name and arguments in a form whose replies ioredis leaves as they are: its transformers know lower-case names only. */
export function normalizeCommand(command: Command, bytes = false): [name: string, args: Arg[]] {
  const [name] = command;
  if (typeof name !== "string" || name === "") throw new OptionError("A command must begin with its name");
  const args = command.slice(1).map(argText);
  return [name.toUpperCase(), bytes ? args.map(encodeBytes) : args];
}

/** ioredis writes text as UTF-8, which changes only what is not ASCII. It takes a Buffer, too. */
function encodeBytes(arg: string): string {
  return /^[\0-\x7f]*$/.test(arg) ? arg : unchecked<string>(Buffer.from(arg, "latin1"));
}

/** Creates a function that builds ioredis commands without sending them, so that the adapter can follow each command, and replace it. */
export function createCommandBuilder(client: IoredisClient): (command: Command, bytes?: boolean) => QueuedCommand {
  let built: QueuedCommand;
  const recorder: IoredisClient = Object.create(client, {
    options: { value: Object.create(client.options, { enableAutoPipelining: { value: false } }) },
    sendCommand: { value: (queued: QueuedCommand) => (built = queued).promise },
  });
  return (command, bytes) => {
    void recorder.callBuffer(...normalizeCommand(command, bytes));
    return built;
  };
}
