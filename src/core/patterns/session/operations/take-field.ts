import { checkOptions, checkText } from "../../../check.ts";
import { randomText } from "../../../crypto.ts";
import { unchecked } from "../../../unchecked.ts";
import { argsOf } from "../context.ts";
import { applyPatch, decodeValue } from "../data.ts";
import { encodeName } from "../format/record.ts";
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
  options: SessionCallOptions = {},
): Promise<Exclude<Data[Name], undefined> | null> {
  const { signal } = checkOptions(options);
  const state = stateOf(session);
  const { context, identity } = state;
  const field = encodeName(checkText("name", name));
  // Data that cannot be read fails before the field is deleted, not after it.
  dataOf(state);
  const values = { ...argsOf(context, identity), request: randomText(6), name: field };
  const taken = await takeScript(context.redis, values, { signal, idempotent: true });
  if (!taken) throw reportGone(state);
  state.data = applyPatch(dataOf(state), { removed: 1, fields: [field], values: [] });
  const [value] = taken;
  return value === undefined ? null : (unchecked(decodeValue(context.codec, value)) ?? null);
}
