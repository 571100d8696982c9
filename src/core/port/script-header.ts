import { isReplyError } from "../failure.ts";

/** Whether a server refused a script for its header. Redis 7 knows another header's flags only, and Redis 6 no header. */
export function knowsNoHeader(error: unknown): boolean {
  return isReplyError(error) && /unexpected (flag|symbol near '#')/i.test(error.message);
}
