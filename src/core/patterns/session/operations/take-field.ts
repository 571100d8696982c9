import { randomText } from "../../../crypto.ts";
import { checkText } from "../../../check.ts";
import { encodeName, unescapeLine } from "../format/record.ts";
import { unchecked } from "../../../unchecked.ts";
import { patched } from "../data.ts";
import { dataOf, gone, heldBy, type Session, type SessionCallOptions } from "../session.ts";
import { takeScript } from "../scripts/take.lua.ts";

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
  const held = heldBy(session);
  const { context, identity } = held;
  const field = encodeName(checkText("name", name));
  const values = { ...identity.args, request: randomText(6), name: field };
  const taken = await takeScript(context.redis, values, { signal, idempotent: true });
  if (!taken) throw gone(held);
  held.data = patched(context, dataOf(held), { removed: 1, fields: [field] });
  const [value] = taken;
  return value === undefined ? null : (unchecked(context.codec.decode(unescapeLine(value))) ?? null);
}
