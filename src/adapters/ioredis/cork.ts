import type { IoredisClient } from "./client.ts";

/** The part of a client's socket that gathers writes. */
interface Corkable {
  readonly writableCorked: number;
  cork(): void;
  uncork(): void;
}

/**
 * Lets what is written together leave by one system call instead of one for each command; the order stays. A client without such
 * a socket, as a Cluster, writes as it always does.
 */
export function gatherWrites(client: IoredisClient): void {
  const stream: unknown = Reflect.get(client, "stream");
  if (!isCorkable(stream) || stream.writableCorked > 0) return;
  stream.cork();
  queueMicrotask(() => stream.uncork());
}

function isCorkable(stream: unknown): stream is Corkable {
  return typeof stream === "object" && stream !== null && "uncork" in stream && "writableCorked" in stream;
}
