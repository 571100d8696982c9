import { OptionError } from "../../errors.ts";
import type { Reply } from "../../port/redis.ts";
import { askAroundServerTime } from "../../script/server-time.ts";
import { checkInstant, lastInstant } from "../../time/instant.ts";
import { type Period, type Span, spanAt, spansAround } from "../../time/period.ts";

/** An answer, and what was asked for when it came. */
export interface Answer<Asked> {
  readonly reply: Reply;
  readonly asked: Asked;
}

/**
 * Asks about the board of an instant, or else of now by the server's clock.
 * @param locate Names what the script needs for the periods.
 */
export async function askBoards<Asked>(
  period: Period | undefined,
  at: number | undefined,
  locate: (spans: readonly (Span | undefined)[]) => Asked,
  ask: (asked: Asked) => Promise<Reply>,
): Promise<Answer<Asked>> {
  if (at !== undefined) {
    if (!period) throw new OptionError("`at` needs a leaderboard with `period`");
    checkInstant("at", at, lastInstant);
  }
  if (!period || at !== undefined) {
    const asked = locate([period && spanAt(period, at ?? 0)]);
    return { asked, reply: await ask(asked) };
  }
  let asked = locate([]);
  const reply = await askAroundServerTime((now) => {
    asked = locate(spansAround(period, now));
    return ask(asked);
  });
  return { asked, reply };
}
