import { codeOf } from "../../../failure.ts";

// A lease holds the token of the call that loads. Where the load has ended without a value that is kept, it holds a mark for a short time.

/** The beginning of every mark. No token begins so. */
export const markStart = "!";

/** The beginning of the mark of a value that could not be kept. */
export const unkeptStart = `${markStart}-`;

/** Creates the token of a call. It names the time that its lease has, so that a process with other options knows how old a lease is. */
export function createToken(life: number): string {
  return `${life}:${crypto.randomUUID()}`;
}

/** The mark of a load that failed, for the calls that waited for that load: its token, and the code of the loader's error. */
export function failureMark(token: string, error: unknown): string {
  return `${markStart}${token} ${shortCode(error)}`;
}

/** The mark of a value that could not be kept. While it is there everybody loads, and nobody waits. */
export function unkeptMark(token: string): string {
  return `${unkeptStart}${token}`;
}

/** The `code` of an error, if it is a short word. A message is never told to other processes, since it may hold a secret. */
function shortCode(error: unknown): string {
  try {
    return /^\w{1,32}$/.exec(codeOf(error))?.[0] ?? "";
  } catch {
    return "";
  }
}
