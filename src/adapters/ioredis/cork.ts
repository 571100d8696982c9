import type { IoredisClient } from "./client.ts";

/** The part of a socket that gathers writes. */
interface Corkable {
  readonly writableCorked: number;
  readonly writableLength: number;
  cork(): void;
  uncork(): void;
}

const now = Promise.resolve();

/** The number of bytes that are written together. More would save few system calls, and Redis would have to wait for them. */
const maxCorked = 4_096;

/**
 * Makes the commands of one tick leave by one system call for each 4 kB, instead of one for each command. Their order stays. It has no
 * effect on a client without such a socket, such as a Cluster.
 */
export function gatherWrites(client: IoredisClient): void {
  const stream: unknown = Reflect.get(client, "stream");
  if (!isCorkable(stream)) return;
  if (stream.writableCorked === 0) {
    stream.cork();
    // A promise costs less than `queueMicrotask`, which is told to Node's async hooks.
    void now.then(() => stream.uncork());
  } else if (stream.writableLength >= maxCorked) {
    stream.uncork();
    stream.cork();
  }
}

function isCorkable(stream: unknown): stream is Corkable {
  return typeof stream === "object" && stream !== null && "uncork" in stream && "writableCorked" in stream;
}
