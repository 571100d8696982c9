import { OptionError } from "../../errors.ts";
import { type PresenceContext, roomValues, sendOptions } from "./context.ts";
import { checkCursor, decodeMember, encodeMember, type PresentMember } from "./format.ts";
import type { ListOptions, PresenceCallOptions, PresenceCount, PresencePage } from "./options.ts";
import { countScript, getScript, listScript } from "./scripts/read.lua.ts";

/** The most members of one page. */
const mostMembers = 1_000;

export async function listMembers<Data>(
  context: PresenceContext,
  room: string,
  options: ListOptions | undefined,
): Promise<PresencePage<Data>> {
  const send = sendOptions(options, "{ limit: 100 }");
  const { limit = 100, cursor } = options ?? {};
  if (!Number.isInteger(limit) || limit < 1 || limit > mostMembers) {
    throw new OptionError(`\`limit\` must be a whole number from 1 to ${mostMembers}`);
  }
  const from = cursor === undefined || cursor === null ? "0" : checkCursor(cursor);
  // One more tells whether there are more.
  const values = { ...roomValues(context, room), from, count: limit + 1 };
  const [lastId = "", ...found] = await listScript(context.redis, values, send);
  const members: PresentMember<Data>[] = [];
  for (let i = 0; i < Math.min(found.length, limit * 3); i += 3) {
    const about = found[i + 2] ?? "";
    if (about !== "") members.push(decodeMember(found[i] ?? "", about));
  }
  return { members, cursor: found.length > limit * 3 ? (found[limit * 3 - 2] ?? null) : null, lastId };
}

export async function getMember<Data>(
  context: PresenceContext,
  room: string,
  member: string,
  options: PresenceCallOptions | undefined,
): Promise<PresentMember<Data> | null> {
  const stored = encodeMember(member);
  const values = { ...roomValues(context, room), member: stored };
  const [about = ""] = await getScript(context.redis, values, sendOptions(options));
  return about === "" ? null : decodeMember<Data>(stored, about);
}

export async function countRoom(
  context: PresenceContext,
  room: string,
  options: PresenceCallOptions | undefined,
): Promise<PresenceCount> {
  const [members = 0, visits = 0] = await countScript(context.redis, roomValues(context, room), sendOptions(options));
  return { members, visits };
}
