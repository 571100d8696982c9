import type { IoredisClient, QueuedCommand, Socket } from "./client.ts";

/** Adds a command to a trip, and records when ioredis writes it to a connection. */
export function trackCommand(command: QueuedCommand, commands: QueuedCommand[]): QueuedCommand {
  commands.push(command);
  command.toWritable = markWritten;
  return command;
}

/** Takes the place of a command's own `toWritable`, which ioredis calls when it writes the command. */
function markWritten(this: QueuedCommand, socket: Socket): unknown {
  if (this.socket?.destroyed) this.loseAgain?.();
  this.socket = socket;
  this.heard = socket.bytesRead;
  return Object.getPrototypeOf(this).toWritable.call(this, socket);
}

/** Keeps a command's place in the order of answers, and sends nothing of it. */
export function replaceByPing(command: QueuedCommand): void {
  Object.assign(command, { name: "ping", args: [] });
}

/**
 * Writes commands that must not run twice: they are rejected when the connection is lost that they were written to.
 * @param isCluster A Cluster tells nobody about the connection of a node, and writes again what was lost with it: it is noticed then.
 */
export function loseIfClosed<T>(
  commands: readonly QueuedCommand[],
  isCluster: boolean,
  write: () => Promise<T>,
): Promise<T> {
  return new Promise((resolve, reject) => {
    write().then(resolve, reject);
    const lose = () => {
      commands.forEach(replaceByPing);
      reject(new Error("The connection was closed"));
    };
    for (const command of commands) command[isCluster ? "loseAgain" : "lose"] = lose;
  });
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

/**
 * Ends a connection that has said nothing since the commands were written to it: it is dead without a sign, as after a freeze, and the
 * next one may answer. A busy Redis gets the commands on a new connection.
 */
export function endSilence(commands: readonly QueuedCommand[]): void {
  for (const { socket, heard } of commands) {
    if (socket && !socket.destroyed && socket.bytesRead === heard)
      socket.destroy(new Error("The connection was silent"));
  }
}
