import { checkText } from "../../check.ts";
import { OptionError } from "../../errors.ts";
import { bindInside, createInternals, findInside } from "../../internals.ts";
import { decodeId, encodeId, maxIdLength } from "../../keys.ts";

/** All channels whose names match. */
export interface ChannelPattern {
  readonly pattern: string;
}

const patterns = /* @__PURE__ */ createInternals<true>("channel pattern");

/**
 * Names all channels that match a pattern: `*` stands for any text, `?` for one byte, `[ab]` for one of these, and a backslash makes the next
 * character mean itself.
 * @throws {OptionError} The pattern is empty or too long, or its brackets are not closed, or have `%`, `{` or `}` between them.
 * @example
 * const subscriber = ioredisSubscriber(client.duplicate());
 * const channels = createChannels<string>(redis, { prefix: "mail", subscriber });
 * const stop = await channels.subscribe(matching("user:*"), ({ data }) => show(data));
 */
export function matching(pattern: string): ChannelPattern {
  if (checkText("pattern", pattern).length > maxIdLength) {
    throw new OptionError(`\`pattern\` must have at most ${maxIdLength} characters`);
  }
  toGlob(pattern);
  return bindInside(patterns, { pattern }, true);
}

export function isPattern(value: unknown): value is ChannelPattern {
  return findInside(patterns, value) === true;
}

/** The pattern of Redis for the channels of these names. */
export function globOf(namespace: string, { pattern }: ChannelPattern): string {
  return `${namespace.replace(/[*?[\]\\]/g, "\\$&")}:{${toGlob(pattern)}}`;
}

/** The name of a channel of Redis, `namespace:{name}`. */
export function nameOf(namespace: string, channel: string): string {
  return decodeId(channel.slice(namespace.length + 2, -1));
}

/** Percent-encodes what names have so in their channels. */
function toGlob(pattern: string): string {
  return pattern.replace(/\[(?:\\.|[^\]])*\]?|\\.|[%{}]|\p{Surrogate}/gsu, (part) => {
    if (part.startsWith("[")) return checkBrackets(part);
    const meant = part.length > 1 && part.startsWith("\\") ? part.slice(1) : part;
    const encoded = encodeId(meant);
    return encoded === meant ? part : encoded;
  });
}

function checkBrackets(part: string): string {
  if (part.endsWith("]") && !/[%{}]|\p{Surrogate}/u.test(part)) return part;
  throw new OptionError("`pattern` must close its brackets, and have no `%`, `{` or `}` between them");
}
