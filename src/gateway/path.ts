import { Refusal } from "./response.ts";

/** Parses the words of a path. They are decoded after the path is split, so that `%2F` stays inside its word. */
export function parsePath(pathname: string): string[] {
  return pathname
    .slice(1)
    .split("/")
    .map((word) => decodePercent(word));
}

/**
 * Parses the words of a query, in their order: `?EX=100&NX` gives `["EX", "100", "NX"]`. Only percent-encoding is decoded, so that a `+` is a
 * plus sign. The token is left out.
 */
export function parseQuery(search: string): string[] {
  const pairs = search.slice(1).split("&").filter(Boolean).map(parsePair);
  const options = pairs.filter(([name]) => name !== "_token");
  return options.flatMap(([name, value]) => (value === "" ? [name] : [name, value]));
}

/** Parses the value of the first `_token`. */
export function parseToken(search: string): string | null {
  const token = /(?:^\?|&)_token=([^&]*)/.exec(search)?.[1];
  return token === undefined ? null : decodePercent(token, 401, "WRONGPASS invalid or missing auth token");
}

function parsePair(pair: string): readonly [name: string, value: string] {
  const at = pair.indexOf("=");
  return at < 0 ? [decodePercent(pair), ""] : [decodePercent(pair.slice(0, at)), decodePercent(pair.slice(at + 1))];
}

/** Each encoded byte becomes one character. */
function decodePercent(encoded: string, status = 400, complaint = "ERR failed to parse command"): string {
  return encoded.replaceAll(/%(.{0,2})/gs, (_, digits: string) => {
    if (!/^[\da-f]{2}$/i.test(digits)) throw new Refusal(status, complaint);
    return String.fromCharCode(Number.parseInt(digits, 16));
  });
}
