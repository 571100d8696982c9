/** The four words of a hash, each a number of 32 bits. */
export type Words = readonly [number, number, number, number];

/**
 * MurmurHash3 x86 128, by Austin Appleby, in the public domain. It is fast and spreads well, and anybody can make items that collide.
 * @param seed Its author's test of all lengths needs it.
 * @returns Its four words, each an unsigned number of 32 bits.
 */
export function murmur(bytes: Uint8Array, seed = 0): Words {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const blocks = bytes.length - (bytes.length % 16);
  let [a, b, c, d] = [seed, seed, seed, seed];
  for (let at = 0; at < blocks; at += 16) {
    a = turn(a ^ first(view.getUint32(at, true)), 19, b, 0x561ccd1b);
    b = turn(b ^ second(view.getUint32(at + 4, true)), 17, c, 0x0bcaa747);
    c = turn(c ^ third(view.getUint32(at + 8, true)), 15, d, 0x96cd1c35);
    d = turn(d ^ fourth(view.getUint32(at + 12, true)), 13, a, 0x32ac3b17);
  }
  // Fewer than 16 bytes are left. Words without a byte add nothing.
  a ^= first(wordAt(bytes, blocks));
  b ^= second(wordAt(bytes, blocks + 4));
  c ^= third(wordAt(bytes, blocks + 8));
  d ^= fourth(wordAt(bytes, blocks + 12));
  return finish(a ^ bytes.length, b ^ bytes.length, c ^ bytes.length, d ^ bytes.length);
}

function turn(word: number, bits: number, next: number, added: number): number {
  return (Math.imul((rotate(word, bits) + next) | 0, 5) + added) | 0;
}

function rotate(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}

const first = (word: number) => Math.imul(rotate(Math.imul(word, 0x239b961b), 15), 0xab0e9789);
const second = (word: number) => Math.imul(rotate(Math.imul(word, 0xab0e9789), 16), 0x38b34ae5);
const third = (word: number) => Math.imul(rotate(Math.imul(word, 0x38b34ae5), 17), 0xa1e38b93);
const fourth = (word: number) => Math.imul(rotate(Math.imul(word, 0xa1e38b93), 18), 0x239b961b);

/** The four bytes from there on, the lowest first. Bytes after the end are 0. */
function wordAt(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24);
}

function finish(...words: Words): Words {
  const [a, b, c, d] = sum(...words);
  const [e, f, g, h] = sum(mix(a), mix(b), mix(c), mix(d));
  return [e >>> 0, f >>> 0, g >>> 0, h >>> 0];
}

/** The first word takes in the others, and then each of them the first. */
function sum(a: number, b: number, c: number, d: number): Words {
  const all = (a + b + c + d) | 0;
  return [all, (b + all) | 0, (c + all) | 0, (d + all) | 0];
}

function mix(word: number): number {
  let mixed = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
