import { checkText } from "../../../check.ts";
import { randomText } from "../../../crypto.ts";
import { unchecked } from "../../../unchecked.ts";
import { applyPatch } from "../data.ts";
import { encodeName, unescapeLine } from "../format/record.ts";
import { dataOf, reportGone, stateOf } from "../live-session.ts";
import { takeScript } from "../scripts/take.lua.ts";
import type { Session, SessionCallOptions } from "../session.ts";

/**
 * Reads a field and deletes it, atomically: a message that is to be shown once. Of parallel requests exactly one gets it.
 * @returns `null` if there is none.
 * @throws {SessionGoneError} The session has ended.
 */
export async function takeField<Data extends object, Name extends keyof Data & string>(
  session: Session<Data>,
  name: Name,
  { signal }: SessionCallOptions = {},
): Promise<Exclude<Data[Name], undefined> | null> {
  const state = stateOf(session);
  const { context, identity } = state;
  const field = encodeName(checkText("name", name));
  const values = { ...identity.args, request: randomText(6), name: field };
  const taken = await takeScript(context.redis, values, { signal, idempotent: true });
  if (!taken) throw reportGone(state);
  state.data = applyPatch(context, dataOf(state), { removed: 1, fields: [field] });
  const [value] = taken;
  return value === undefined ? null : (unchecked(context.codec.decode(unescapeLine(value))) ?? null);
}
