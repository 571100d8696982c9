import { readStream } from "./body.ts";

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
