// The record of a session is a hash of few fields, since each one costs time and memory:
//
// m      the head, see `head.ts`
// t      when the session was seen
// w      its version, the bytes of its data, and its last eight requests of 8 characters, as in "2 69 pqNMU_Q9"
// p      the digest before the last rotation, and until when it counts
// c      the name of the codec, unless it is JSON
// y      the request that took a field last, and what it took
// :name  a field of data
//
// A record without m is the tombstone of a session that has ended:
//
// x      the login that ended it, or 1
// left   the head, which comes back where that login is refused
// ttl    how long the session would have lived, for the same reason
// o      the number and the owner of a session that was revoked by its id

/** The largest number of fields of data: Lua hands at most some 8,000 values over at once. */
export const maxFields = 1_000;

/** Puts any text into one line: the escape is a character that JSON never holds. */
export function escapeLine(text: string): string {
  return text.replaceAll("\u0001", "\u00011").replaceAll("\n", "\u00010");
}

export function unescapeLine(line: string): string {
  return line.includes("\u0001") ? line.replaceAll("\u00010", "\n").replaceAll("\u00011", "\u0001") : line;
}

/** The name of a field of data, as it is stored. */
export function encodeName(name: string): string {
  return `:${escapeLine(name)}`;
}

export function decodeName(stored: string): string {
  return unescapeLine(stored.slice(1));
}
