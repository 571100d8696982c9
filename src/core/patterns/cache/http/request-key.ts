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

/**
 * Makes a key for the response to a request: the normalised URL with the chosen parameters, in the order of their names, and the chosen
 * headers. HEAD has the key of GET.
 * @throws {OptionError} The request is neither GET nor HEAD: it may change something, and its response is not to be kept.
 * @example
 * requestKey(new Request("https://API.example:443/items?page=2&utm_source=x"), { params: ["page"] });
 * // "https://api.example/items?page=2"
 */
export function requestKey(
  request: Pick<Request, "url" | "method" | "headers">,
  { params, headers = [] }: RequestKeyOptions,
): string {
  if (!["GET", "HEAD"].includes(request.method)) {
    throw new OptionError("`request` must be a GET or HEAD: what others answer is not to be kept");
  }
  const { origin, pathname, searchParams } = new URL(request.url);
  const chosenParams = params
    .toSorted()
    .flatMap((name) => searchParams.getAll(name).map((value): [string, string] => [name, value]));
  const query = new URLSearchParams(chosenParams).toString();
  const chosenHeaders = headers.map((name) => name.toLowerCase()).toSorted();
  const values = chosenHeaders.map((name) => `\n${name}:${encodeURIComponent(request.headers.get(name) ?? "")}`);
  return `${origin}${pathname}${query && `?${query}`}${values.join("")}`;
}
