import { checkList, checkOptions } from "../../../check.ts";
import { OptionError } from "../../../errors.ts";

/** Options of `requestKey`. */
export interface RequestKeyOptions {
  /** The query parameters that the response depends on. Others are left out, so that made-up ones do not fill the cache. */
  readonly params: readonly string[];
  /**
   * The request headers that the response depends on, such as `accept-language`.
   * @default none
   */
  readonly headers?: readonly string[] | undefined;
}

/** The request headers that make a response a part of another one, or an empty one (RFC 9110, sections 13 and 14). */
const partial = ["range", "if-range", "if-match", "if-none-match", "if-modified-since", "if-unmodified-since"];

/**
 * Makes a key for the response to a request: the normalised URL with the chosen parameters, in the order of their names, and the chosen
 * headers. The response to a HEAD, to a part (`Range`) or under a condition (`If-None-Match`) is not that to a plain GET, so such a request
 * has a key of its own. Who is asking is not in the key: name the headers that tell, or do not cache what is for one user.
 * @throws {OptionError} The request is neither GET nor HEAD: it may change something, and its response is not to be kept.
 * @example
 * requestKey(new Request("https://API.example:443/items?page=2&utm_source=x"), { params: ["page"] });
 * // "https://api.example/items?page=2"
 */
export function requestKey(
  { url, method, headers }: Pick<Request, "url" | "method" | "headers">,
  options: RequestKeyOptions,
): string {
  if (method !== "GET" && method !== "HEAD") {
    throw new OptionError("`request` must be a GET or HEAD: what others answer is not to be kept");
  }
  const { params, headers: chosen = [] } = checkOptions(options ?? null, '{ params: ["page"] }');
  const { origin, pathname, searchParams } = new URL(url);
  const pairs = checkList("params", params)
    .toSorted()
    .flatMap((name) => searchParams.getAll(name).map((value): [string, string] => [name, value]));
  const query = new URLSearchParams(pairs).toString();
  const names = checkList("headers", chosen).map((name) => name.toLowerCase());
  const varying = new Set([...names, ...partial.filter((name) => headers.has(name))]);
  const values = [...varying].toSorted().map((name) => `\n${name}:${encodeURIComponent(headers.get(name) ?? "")}`);
  return `${method === "HEAD" ? "HEAD " : ""}${origin}${pathname}${query && `?${query}`}${values.join("")}`;
}
