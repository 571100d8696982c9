import { join } from "./bytes.ts";
import { Refusal } from "./response.ts";

/** What the gateway reads of a request, whatever kind of server received it. */
export interface Inquiry {
  readonly method: string;
  /** The path and the query, as the client sent them. */
  readonly target: string;
  /** Aborts when the client hangs up. */
  readonly signal: AbortSignal;
  /** The value of a header, whose name is in lower case. */
  header(name: string): string | null;
  /** Reads the body, or gives `null` as soon as it has more bytes than the limit. It rejects if the body does not arrive whole. */
  read(limit: number): Promise<Uint8Array | null>;
}

/** Makes an inquiry of a `Request`. Its URL is normalised already: `/hget/../x` has become `/x`. */
export function inquiryOf(request: Request): Inquiry {
  const { pathname, search } = new URL(request.url);
  return {
    method: request.method,
    target: pathname + search,
    signal: request.signal,
    header: (name) => request.headers.get(name),
    read: (limit) => readStream(request.body, limit),
  };
}

/** Reads a body of at most `limit` bytes. They are counted as they arrive, since the announced length may be wrong. */
export async function readBody(inquiry: Inquiry, limit: number): Promise<Uint8Array> {
  const isAnnounced = Number(inquiry.header("content-length")) > limit;
  const body = isAnnounced ? null : await inquiry.read(limit).catch(refuseBroken);
  if (body) return body;
  throw new Refusal(413, `ERR max request size exceeded. Limit: ${limit} bytes`);
}

function refuseBroken(cause: unknown): never {
  throw new Refusal(400, "ERR the request body was not received whole", { cause });
}

/** Reads a stream to its end, or gives `null` as soon as it has more bytes than the limit. */
async function readStream(body: ReadableStream<Uint8Array> | null, limit: number): Promise<Uint8Array | null> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  const reader = body?.getReader();
  for (let next = await reader?.read(); next?.value; next = await reader?.read()) {
    size += next.value.length;
    if (size > limit) {
      // The sender may stop, too.
      reader?.cancel().catch(() => {});
      return null;
    }
    chunks.push(next.value);
  }
  return join(chunks, size);
}
