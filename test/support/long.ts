/** Whether this is `npm run test:long`, which runs everything whole. `npm test` runs what takes long in part. */
export const long = process.env["TEST_LONG"] === "1";

/** A size that differs: whole in `npm run test:long`, and a part of it in `npm test`. */
export function sized<T>(whole: T, part: T): T {
  return long ? whole : part;
}

/**
 * Whose turn it is: each call asks for the next row, and of the `count` that ask in the same order, each row is one's only.
 * In `npm run test:long` every row is everybody's.
 */
export function turnOf(index: number, count: number): () => boolean {
  let row = 0;
  return () => {
    row += 1;
    return long || (row - 1) % count === index;
  };
}
