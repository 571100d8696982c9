import type { Reply } from "../port/redis.ts";

/**
 * Asks with what depends on the time by this process' clock. If the server's clock is elsewhere, its script answers `@` and its time, as
 * `choosePeriod` does, and is asked again with what depends on that.
 */
export async function askAroundServerTime(ask: (now: number) => Promise<Reply>): Promise<Reply> {
  let reply = await ask(Date.now());
  // The server's time moves on between two answers, so a second one may name a later time.
  for (let attempt = 0; attempt < 3 && isTime(reply); attempt += 1) reply = await ask(Number(reply.slice(1)));
  return reply;
}

function isTime(reply: Reply): reply is string {
  return typeof reply === "string" && /^@\d+$/.test(reply);
}
