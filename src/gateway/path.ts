import { Refusal } from "./answer.ts";

/** A query string, taken apart. */
export interface Query {
  /** The value of `_token`, which is never part of a command. */
  readonly token: string | null;
  /** Everything else, in order: `?EX=100&NX` is `["EX", "100", "NX"]`. */
  readonly words: readonly string[];
}

/** The words of a path. It is decoded after it is split, so that `%2F` stays inside its word. */
export function parsePath(pathname: string): string[] {
  return pathname.slice(1).split("/").map(decode);
}

/** Only percent-encoding is decoded: a `+` is a plus sign, in tokens and in arguments. */
export function parseQuery(search: string): Query {
  const pairs = search.slice(1).split("&").filter(Boolean).map(pairOf);
  const token = pairs.find(([name]) => name === "_token");
  const rest = pairs.filter(([name]) => name !== "_token");
  return { token: token?.[1] ?? null, words: rest.flatMap(([name, value]) => (value === "" ? [name] : [name, value])) };
}

function pairOf(pair: string): readonly [name: string, value: string] {
  const at = pair.indexOf("=");
  return at < 0 ? [decode(pair), ""] : [decode(pair.slice(0, at)), decode(pair.slice(at + 1))];
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw new Refusal(400, "ERR failed to parse command", { cause });
  }
}
