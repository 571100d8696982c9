// Of all that the platforms have, `randomUUID` costs least: Node draws for many at once.

/** @returns What no other call returns: 122 random bits. */
export function createToken(): string {
  return crypto.randomUUID();
}

/** @returns 8 random characters of 4 bits each, for what need not be told from more than its predecessors. */
export function createStamp(): string {
  return crypto.randomUUID().slice(0, 8);
}
