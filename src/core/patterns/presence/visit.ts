import { OptionError } from "../../errors.ts";
import { bindInside, createInternals, insideOf } from "../../internals.ts";
import { type ChangeOptions, checkChange, rememberRequest, subjectOf } from "../../request.ts";
import { type PresenceContext, report, roomValues, sendOptions } from "./context.ts";
import type { PresenceCallOptions, PresenceVisit } from "./options.ts";
import { extendScript } from "./scripts/extend.lua.ts";
import { joinScript, leftAnswer } from "./scripts/join.lua.ts";
import { leaveScript } from "./scripts/leave.lua.ts";

/** What a visit is of. */
export interface Place {
  readonly context: PresenceContext;
  readonly room: string;
  /** The member as it was given. */
  readonly member: string;
  /** The member and its data as they are stored; no data is an empty text. */
  readonly stored: { readonly member: string; readonly data: string };
}

/** What `keepAlive` needs of a visit. */
interface Inside {
  readonly context: PresenceContext;
  hasLeft(): boolean;
}

const insides = /* @__PURE__ */ createInternals<Inside>("visit");

/** @throws {OptionError} The object is no visit. */
export function insideVisit(visit: PresenceVisit): Inside {
  return insideOf(insides, visit, "`visit` must be what `join` or `resume` returned");
}

/**
 * Joins a room.
 * @returns The id of the visit. A repetition of the call gives the same.
 */
export async function join(place: Place, id: string, options: ChangeOptions | undefined): Promise<string> {
  const { context, room, stored } = place;
  const call = checkChange(options, "{ requestId, data }") ?? {};
  const { namespace, requestTtl, ttl, life } = context;
  const operation = `join${await subjectOf(call, [stored.member])}`;
  const remembered = rememberRequest(namespace, room, operation, call, requestTtl);
  const left = leaveRequest(place, id).request;
  const values = { ...roomValues(context, room), ...stored, ...remembered, visit: id, left, ttl, life };
  return joinScript(context.redis, values, { signal: call.signal, idempotent: true });
}

/** What remembers that a visit was left. */
function leaveRequest({ context, room }: Place, id: string) {
  // No command is on its way for longer than a minute, which is the least, and no heartbeat comes later than the `ttl`.
  return rememberRequest(context.namespace, room, "leave", { requestId: id }, context.ttl);
}

export function createVisit(place: Place, id: string): PresenceVisit {
  const { context, room, member } = place;
  let isLeft = false;
  const visit: PresenceVisit = {
    id,
    room,
    member,
    async extend(options) {
      const send = sendOptions(options);
      assertHere(isLeft, room);
      const isHere = await extend(place, id, options);
      assertHere(isLeft, room);
      if (isHere) return { rejoined: false };
      const answer = await join(place, id, { signal: send.signal });
      // Another process left it.
      isLeft ||= answer === leftAnswer;
      assertHere(isLeft, room);
      return { rejoined: true };
    },
    async leave(options) {
      const send = sendOptions(options);
      // Before the command is sent, so that no extension follows it.
      isLeft = true;
      const values = { ...roomValues(context, room), ...leaveRequest(place, id), visit: id };
      return leaveScript(context.redis, { ...values, member: place.stored.member }, send);
    },
    async [Symbol.asyncDispose]() {
      await visit.leave().catch((error: unknown) => report(context, "leave-failed", room, error));
    },
  };
  return bindInside(insides, visit, { context, hasLeft: () => isLeft });
}

async function extend({ context, room, stored }: Place, id: string, options: PresenceCallOptions | undefined) {
  const { ttl, life, redis } = context;
  const values = { ...roomValues(context, room), member: stored.member, visit: id, ttl, life };
  return extendScript(redis, values, sendOptions(options));
}

function assertHere(isLeft: boolean, room: string): void {
  if (isLeft) throw new OptionError(`The visit to room \`${room.slice(0, 256)}\` was left; join again`);
}
