/**
 * Sets a key as the newest of a map, and deletes the oldest keys while the map holds more than `most`. A Map keeps the order of
 * insertion, so that its first key is the oldest.
 */
export function setBounded<K, V>(map: Map<K, V>, key: K, value: V, most: number): void {
  map.delete(key);
  map.set(key, value);
  for (const oldest of map.keys()) {
    if (map.size <= most) return;
    map.delete(oldest);
  }
}
