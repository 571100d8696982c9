/** All headers of a request together may be this long at most in Workers; Node allows 16 KB. What stands behind it is not read. */
const maxLength = 131_072;

/**
 * Reads the values of a cookie in a `Cookie` header (RFC 6265bis, sections 4.2 and 5.6). Names are compared exactly. Only spaces and tabs
 * around a name or a value are dropped: any other character is part of it, so that nobody else's cookie can pass for this one. A browser
 * sends one value for each path and domain that the cookie was set with.
 * @param most The number of values at which it stops.
 * @returns The values without quotation marks around them, the first one first, each once.
 */
export function readCookies(header: string | null | undefined, name: string, most: number): string[] {
  const values = new Set<string>();
  const text = header?.slice(0, maxLength) ?? "";
  for (let start = 0; start < text.length && values.size < most;) {
    const semicolon = text.indexOf(";", start);
    const end = semicolon < 0 ? text.length : semicolon;
    const equals = text.indexOf("=", start);
    // The first "=" may belong to a later pair: a pair without one has no name.
    if (equals < 0) break;
    if (equals < end && trimBlanks(text, start, equals) === name)
      values.add(unquote(trimBlanks(text, equals + 1, end)));
    start = equals < end ? end + 1 : text.lastIndexOf(";", equals) + 1;
  }
  return [...values];
}

/** `trim` would drop the Unicode spaces too, which browsers keep as part of a name. */
function trimBlanks(text: string, start: number, end: number): string {
  let [from, to] = [start, end];
  while (from < to && isBlank(text.charCodeAt(from))) from += 1;
  while (from < to && isBlank(text.charCodeAt(to - 1))) to -= 1;
  return text.slice(from, to);
}

/** A space or a tab. */
function isBlank(code: number): boolean {
  return code === 32 || code === 9;
}

function unquote(value: string): string {
  return value.length > 1 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
}
