import { ReplyError } from "../errors.ts";
import type { Reply } from "../port/redis.ts";

/**
 * Asks with what depends on the time by this process' clock. If the server's clock is elsewhere, its script answers `@` and its time, as
 * `choosePeriod` does, and is asked again with what depends on that.
 * @throws {ReplyError} The server's clock jumped between the answers, again and again (code `SHAPE`).
 */
export async function askAroundServerTime(ask: (now: number) => Promise<Reply>): Promise<Reply> {
  let now = Date.now();
  // The server's time moves on between two answers, so a second one may name a later time.
  for (let attempt = 0; attempt < 4; attempt += 1) {
    const reply = await ask(now);
    if (!isTime(reply)) return reply;
    now = Number(reply.slice(1));
  }
  throw new ReplyError("SHAPE The server's clock jumps: no two answers agree on the time");
}

function isTime(reply: Reply): reply is string {
  return typeof reply === "string" && /^@\d+$/.test(reply);
}
