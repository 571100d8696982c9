import { isStreamId } from "../../../stream-id.ts";

/** What `toEventStream` reads of a request. A web standard `Request` is one. */
export interface EventStreamRequest {
  /**
   * A HEAD gets the headers alone.
   * @default "GET"
   */
  readonly method?: string | undefined;
  /** Absolute, or a path with its query. */
  readonly url: string;
  readonly headers: Pick<Headers, "get">;
  /** Aborts when the browser leaves, where the platform tells. */
  readonly signal?: AbortSignal | null | undefined;
}

/**
 * The last id that a browser has seen: the header that `EventSource` sends when it connects again or, without it, the query parameter
 * `lastEventId` of a page. The URL is that of the first attempt, so the header is the newer one.
 * @returns `null` for what is no id of a channel: anybody can write this header.
 */
export function lastEventId({ url, headers }: EventStreamRequest): string | null | undefined {
  const text = headers.get("last-event-id") || new URLSearchParams(queryOf(url)).get("lastEventId");
  if (!text) return undefined;
  return isStreamId(text) ? text : null;
}

function queryOf(url: string): string {
  return /\?([^#]*)/.exec(url)?.[1] ?? "";
}
