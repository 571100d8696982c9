import { sleep } from "../../core/wait/sleep.ts";
import type { IoredisClient, QueuedCommand, Socket, Writing } from "./client.ts";

/** Adds a command to a trip, and records when ioredis writes it to a connection. */
export function trackCommand(command: QueuedCommand, commands: QueuedCommand[]): QueuedCommand {
  commands.push(command);
  command.toWritable = markWritten;
  return command;
}

/** Takes the place of a command's own `toWritable`, which ioredis calls when it writes the command. */
function markWritten(this: QueuedCommand, socket: Socket): unknown {
  if (this.writing?.socket.destroyed) this.loseAgain?.();
  this.writing = writingTo(socket);
  return Object.getPrototypeOf(this).toWritable.call(this, socket);
}

let latest: Writing | undefined;

/** Asks the socket and the clock once for all commands that are written together. */
function writingTo(socket: Socket): Writing {
  if (latest?.socket === socket) return latest;
  // A promise costs less than `queueMicrotask`, which is told to Node's async hooks.
  void now.then(forgetLatest);
  latest = { socket, heard: socket.bytesRead, at: performance.now() };
  return latest;
}

const now = Promise.resolve();

function forgetLatest(): void {
  latest = undefined;
}

/** Keeps a command's place in the order of answers, and sends nothing of it. */
export function replaceByPing(command: QueuedCommand): void {
  Object.assign(command, { name: "ping", args: [] });
}

/**
 * Writes commands that must not run twice: they fail when the connection is lost that they were written to.
 * @param isCluster A Cluster tells nobody about the connection of a node, and writes again what was lost with it: it is noticed then.
 */
export function loseIfClosed<T>(
  commands: readonly QueuedCommand[],
  isCluster: boolean,
  write: () => Promise<T>,
  fail: (error: Error) => void,
): Promise<T> {
  const written = write();
  const lose = () => {
    commands.forEach(replaceByPing);
    fail(new Error("The connection was closed"));
  };
  for (const command of commands) command[isCluster ? "loseAgain" : "lose"] = lose;
  return written;
}

/** Rejects what must not run twice and had no answer when its connection was closed, before ioredis writes it to the next one. */
export function loseUnanswered(client: IoredisClient): void {
  const unanswered = Reflect.get(client, "prevCommandQueue") as Queue | null | undefined;
  for (const { command } of unanswered?.toArray() ?? []) command.lose?.();
}

/** The commands that ioredis has written and that were not answered. */
interface Queue {
  toArray(): readonly { readonly command: QueuedCommand }[];
}

/** The shortest silence of a connection that counts as its death, in milliseconds. */
const silence = 200;

/**
 * Ends a connection that has said nothing since the commands were written to it: it is dead without a sign, as after a freeze, and the
 * next one may answer. A busy Redis gets the commands on a new connection.
 */
export function endSilence(client: IoredisClient, commands: readonly QueuedCommand[]): void {
  const now = performance.now();
  for (const { writing } of commands) {
    if (writing && writing.socket.bytesRead === writing.heard && now - writing.at >= silence) end(writing.socket);
  }
  if (!client.isCluster && commands.some(({ writing }) => !writing)) endSilentHandshake(client, now);
}

/** As `endSilence`, after a deadline: the caller goes on when the client knows that it has no connection. */
export async function leaveSilence(client: IoredisClient, commands: readonly QueuedCommand[]): Promise<void> {
  // Other calls of its tick have their deadline now, too.
  await sleep(0);
  endSilence(client, commands);
  await sleep(0);
}

/** The connections that are not ready yet: the bytes that each had read when it was looked at, and when that was. */
const handshakes = new WeakMap<Socket, { readonly heard: number; readonly at: number }>();

/** The longest silence of a connection that is not ready yet, in milliseconds. */
const handshakeSilence = 1_000;

/** ioredis waits for ever where the connection stands and the server's greeting was lost. */
function endSilentHandshake(client: IoredisClient, now: number): void {
  const socket = Reflect.get(client, "stream") as Socket | null | undefined;
  if (client.status !== "connect" || !socket) return;
  const { bytesRead: heard } = socket;
  const before = handshakes.get(socket);
  if (before?.heard !== heard) handshakes.set(socket, { heard, at: now });
  else if (now - before.at >= handshakeSilence) end(socket);
}

function end(socket: Socket): void {
  if (!socket.destroyed) socket.destroy(new Error("The connection was silent"));
}
