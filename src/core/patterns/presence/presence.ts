import { checkCount, checkDuration, checkMethods, checkOptions, checkText } from "../../check.ts";
import { encodeData } from "../../data/json.ts";
import { OptionError } from "../../errors.ts";
import { namespaceOf } from "../../keys.ts";
import { isPolling } from "../../log/polling.ts";
import type { Redis } from "../../port/redis.ts";
import type { StopListening } from "../../port/subscriber.ts";
import { days, hours } from "../../time/duration.ts";
import { portFor } from "../../wait/ask-again.ts";
import type { PresenceContext } from "./context.ts";
import { checkVisitId, encodeMember, newVisitId, type PresentMember } from "./format.ts";
import type {
  JoinOptions,
  ListOptions,
  PresenceCallOptions,
  PresenceCount,
  PresenceOptions,
  PresencePage,
  PresenceSubscribeOptions,
  ResumeOptions,
  TransitionListener,
  PresenceVisit,
} from "./options.ts";
import { subscribeRoom } from "./subscribe.ts";
import { countRoom, getMember, listMembers } from "./read.ts";
import { createVisit, join, type Place } from "./visit.ts";

/** Knows who is in which room. */
export interface Presence<Data> {
  /**
   * Begins a visit of a member to a room. A member may have several, one for each tab or device, and is in the room until the last one ends.
   * @throws {OptionError} An argument can never work, or the data is no plain JSON, such as a date.
   * @throws {ValueTooLargeError} The data is larger than `maxBytes`.
   * @throws {ConnectionError} Redis was not reached. A visit that has begun all the same ends after its `ttl`.
   */
  join(room: string, member: string, options?: JoinOptions<Data>): Promise<PresenceVisit>;
  /**
   * Goes on with a visit that another process or request began, by its id. It asks nothing: `extend` and `leave` do.
   * @param member The member that it is of. Another one would not find the visit, and `extend` would begin it for that member.
   * @throws {OptionError} An argument can never work.
   */
  resume(room: string, member: string, visitId: string, options?: ResumeOptions<Data>): PresenceVisit;
  /**
   * Lists who is in a room, page by page, in the order in which they came. Whoever stays meanwhile is listed exactly once.
   * @throws {OptionError} The cursor is none of a page, or `limit` is not from 1 to 1,000.
   */
  list(room: string, options?: ListOptions): Promise<PresencePage<Data>>;
  /** Tells whether a member is in a room: what `list` has of the member, or `null`. */
  get(room: string, member: string, options?: PresenceCallOptions): Promise<PresentMember<Data> | null>;
  /** Counts who is in a room. */
  count(room: string, options?: PresenceCallOptions): Promise<PresenceCount>;
  /**
   * Calls back with each transition of a room: in order, each once, and from the log also those that were missed meanwhile. It resolves when it
   * misses nothing from then on.
   * @throws {OptionError} An argument can never work, or `createPresence` was given no `subscriber`.
   * @throws {ConnectionError} Redis was not reached.
   */
  subscribe(
    room: string,
    listener: TransitionListener<Data>,
    options?: PresenceSubscribeOptions,
  ): Promise<StopListening>;
}

/** The longest `ttl`. */
const longestTtl = days(30);

/**
 * Creates a record of who is online: in a chat, a document, a game. Crashed members leave it by themselves.
 * @throws {OptionError} An option can never work.
 * @example
 * const online = createPresence(redis, { prefix: "online", ttl: seconds(30) });
 * const visit = await online.join("room:7", "ada");
 * await visit.extend();
 * const { members } = await online.list("room:7");
 * await visit.leave();
 */
export function createPresence<Data = unknown>(redis: Redis, options: PresenceOptions): Presence<Data> {
  const context = createContext(redis, options);
  const placeOf = (room: string, member: string, data: unknown): Place => ({
    context,
    room: checkText("room", room),
    member,
    stored: {
      member: encodeMember(member),
      data: data === undefined ? "" : encodeData(data, "data", context.maxBytes),
    },
  });
  return {
    async join(room, member, call) {
      const place = placeOf(room, member, checkOptions(call, "{ data }")?.data);
      return createVisit(place, await join(place, newVisitId(), call));
    },
    resume(room, member, visitId, call) {
      return createVisit(placeOf(room, member, checkOptions(call, "{ data }")?.data), checkVisitId(visitId));
    },
    list: (room, call) => listMembers(context, room, call),
    get: (room, member, call) => getMember(context, room, member, call),
    count: (room, call) => countRoom(context, room, call),
    subscribe: (room, listener, call) => subscribeRoom(context, room, listener, call),
  };
}

function createContext(redis: Redis, options: PresenceOptions): PresenceContext {
  const port = portFor(redis, options);
  const { prefix, ttl, subscriber, keep = {}, maxBytes = 1_000, requestTtl = hours(24), onEvent } = options;
  if (checkDuration("ttl", ttl) > longestTtl) throw new OptionError("`ttl` must be at most 30 days");
  const { age = hours(1), length = 1_000 } = checkKeep(keep);
  const remedy =
    "ioredisSubscriber(client.duplicate()), restSubscriber({ url, token }), memory() or polling({ every })";
  if (!isPolling(subscriber)) checkMethods("subscriber", subscriber, remedy, "subscribe");
  return {
    redis: port,
    prefix,
    namespace: namespaceOf("presence", prefix),
    ttl: Math.round(ttl),
    age: checkDuration("keep.age", age),
    length: checkCount("keep.length", length),
    life: Math.round(age) + days(1) + Math.round(ttl),
    maxBytes: checkCount("maxBytes", maxBytes),
    requestTtl: checkDuration("requestTtl", requestTtl),
    subscriber,
    onEvent,
  };
}

function checkKeep<T extends object>(keep: T): T {
  if (typeof keep === "object" && keep !== null) return keep;
  throw new OptionError("`keep` must be an object, such as { age: hours(1), length: 1_000 }");
}
