/**
 * Sets a key of a map as its newest, and drops the oldest while there are more than `most`. A Map keeps the order of insertion, so
 * its first key is the oldest.
 */
export function setBounded<K, V>(map: Map<K, V>, key: K, value: V, most: number): void {
  map.delete(key);
  map.set(key, value);
  for (const oldest of map.keys()) {
    if (map.size <= most) return;
    map.delete(oldest);
  }
}
