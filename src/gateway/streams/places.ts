import { Refusal } from "../response.ts";
import type { Access } from "../tokens.ts";

/** Counts the streams of each token. */
export function createPlaces(maxStreams: number) {
  const counts = new Map<Access, number>();
  return {
    /**
     * @returns A function that frees the place, to be called once.
     * @throws {Refusal} There is none left.
     */
    take(access: Access): () => void {
      const count = counts.get(access) ?? 0;
      if (count >= maxStreams) throw new Refusal(429, `ERR too many streams of this token. Limit: ${maxStreams}`);
      counts.set(access, count + 1);
      return () => {
        const left = (counts.get(access) ?? 1) - 1;
        if (left === 0) counts.delete(access);
        else counts.set(access, left);
      };
    },
  };
}
