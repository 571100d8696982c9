import type { OnEvent } from "../../event.ts";
import type { Subscriber } from "../../port/subscriber.ts";
import type { ChangeOptions } from "../../request.ts";
import type { LogGap } from "../../log/order.ts";
import type { Polling } from "../../log/polling.ts";
import type { PresentMember, Transition } from "./format.ts";

/** Options of `createPresence`. */
export interface PresenceOptions {
  /** The name of this kind of room. Its keys and channels begin with `presence:` and the prefix. */
  readonly prefix: string;
  /**
   * For how long a visit counts after its `join` and after each `extend`, in milliseconds, at most 30 days. So a member whose process has
   * crashed is shown for that long, and a visit has to be extended more often than that.
   */
  readonly ttl: number;
  /**
   * Hears who joins and who leaves, for `subscribe`: what `ioredisSubscriber`, `restSubscriber` or `memory()` gives, or `polling({ every })`.
   * @default none: `subscribe` throws
   */
  readonly subscriber?: Subscriber | Polling | undefined;
  /**
   * How many transitions of a room are kept, and for how long, in milliseconds: a listener that was away goes on from the last one that it heard.
   * @default { age: 3_600_000, length: 1_000 }, an hour
   */
  readonly keep?: { readonly age?: number | undefined; readonly length?: number | undefined } | undefined;
  /**
   * The greatest size of the data of one member, in bytes of JSON.
   * @default 1_000
   */
  readonly maxBytes?: number | undefined;
  /**
   * For how long a `join` with a `requestId` is remembered, in milliseconds: a minute or more.
   * @default 86_400_000, a day
   */
  readonly requestTtl?: number | undefined;
  /**
   * Called with each event: `leave-failed` where the end of a scope could not end its visit, `extend-failed` where `keepAlive` could not extend one,
   * `listener-failed` where a listener threw, `message-refused` where another program or a later version wrote what cannot be read, `gap` where
   * transitions are gone, `reconnected`, and `read-failed` where what was missed could not be read, which is tried again.
   */
  readonly onEvent?: OnEvent | undefined;
}

/** Options of `join`. */
export interface JoinOptions<Data> extends ChangeOptions {
  /**
   * What is shown with the member, such as a name: plain JSON. All visits of a member share it, and the last one that was given counts.
   * @default what was given before, if the member is here already
   */
  readonly data?: Data | undefined;
}

/** Options of `resume`. */
export interface ResumeOptions<Data> {
  /**
   * What is shown with the member if the visit has ended and joins again.
   * @default none
   */
  readonly data?: Data | undefined;
}

/** Options of one call. */
export interface PresenceCallOptions {
  /** Ends the wait; the call then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of `list`. */
export interface ListOptions extends PresenceCallOptions {
  /**
   * The most members of one page, from 1 to 1,000.
   * @default 100
   */
  readonly limit?: number | undefined;
  /**
   * The `cursor` of the page before this one, or `null` for the first page. The last page has `null`, so end there.
   * @default null
   */
  readonly cursor?: string | null | undefined;
}

/** One page of the members of a room. */
export interface PresencePage<Data> {
  /** Those who are here for longest come first. */
  readonly members: readonly PresentMember<Data>[];
  /** What the next page begins at, or `null` if nobody came later. */
  readonly cursor: string | null;
  /** The id of the last transition before this page was read: `subscribe` goes on from there if it is given as `from`. */
  readonly lastId: string;
}

/** How many are in a room. */
export interface PresenceCount {
  /** Members: each counts once, however many visits it has. */
  readonly members: number;
  readonly visits: number;
}

/** Receives each transition, in order. What it throws is told to `onEvent` as `listener-failed`. */
export type TransitionListener<Data> = (transition: Transition<Data>) => unknown;

/** Options of `subscribe`. */
export interface PresenceSubscribeOptions {
  /**
   * Where to begin: at what happens from `now` on, at the `beginning` of what is kept, or behind the transition with this id: the `lastId` of a
   * list, or the `id` of the last transition that was heard.
   * @default "now"
   */
  readonly from?: string | undefined;
  /**
   * Called where transitions were missed that are not kept any more, once for each gap: read the list anew then.
   * @default none
   */
  readonly onGap?: ((gap: LogGap) => unknown) | undefined;
  /**
   * After how many milliseconds without a message the log is read, in case the last message got lost on a living connection. One command each time.
   * @default never: it is found at the next message, or when the connection is made anew
   */
  readonly check?: number | undefined;
  /** Ends the subscription at any time. */
  readonly signal?: AbortSignal | undefined;
}

/** What an extension found. */
export interface Extended {
  /** Whether the visit had ended, because nobody extended it in time. It has joined again, and others were told both. */
  readonly rejoined: boolean;
}

/** One connection of a member to a room: a tab, a device. It counts until it is left, or was not extended for `ttl`. */
export interface PresenceVisit {
  /** Its name, with which `resume` goes on with it in another process. Whoever has it can end the visit. */
  readonly id: string;
  readonly room: string;
  readonly member: string;
  /**
   * Makes the visit count for `ttl` from now on. If it has ended meanwhile, as after a pause of a laptop, it joins again.
   * @throws {OptionError} The visit was left.
   * @throws {ConnectionError} Redis was not reached; the visit counts until its `ttl` is over.
   */
  extend(options?: PresenceCallOptions): Promise<Extended>;
  /**
   * Ends the visit. Called again within the `ttl`, or a minute, it gives the same answer.
   * @returns Whether it counted until now; false if it had ended before.
   * @throws {ConnectionError} Redis was not reached; the visit ends with its `ttl`.
   */
  leave(options?: PresenceCallOptions): Promise<boolean>;
  /** Leaves and never throws: an error is reported to `onEvent` as `leave-failed`. */
  [Symbol.asyncDispose](): Promise<void>;
}
