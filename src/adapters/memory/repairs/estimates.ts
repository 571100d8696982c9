import { unchecked } from "../../../core/unchecked.ts";
import type { Engine } from "../engine-types.ts";
import { changeCommand } from "./commands.ts";

/** So many registers a HyperLogLog has. The engine keeps each in a byte. */
const registers = 16_384;

/** So many bits of a hash are counted through, behind the 14 that choose a register. */
const counted = 50;

/**
 * A HyperLogLog hashes and estimates in another way there, so that the same members would have other counts. This is Redis' own: MurmurHash64A,
 * and the estimator of Otmar Ertl ("New cardinality estimation algorithms for HyperLogLog sketches", 2017).
 */
export function estimateAsRedis(engine: Engine): void {
  const { RedisResult, RedisValue } = engine.module;
  changeCommand(engine, "pfadd", (execute) => (args, context) => {
    const { key, elements } = unchecked<{ key: Buffer; elements: readonly Buffer[] }>(args);
    // Without elements it makes one that is missing, and refuses what is none.
    const made = execute(unchecked({ key, elements: [] }), context);
    const held = context.db.getString(key);
    if (!("value" in made) || !held) return made;
    const changed = Buffer.from(held);
    const isChanged = elements.filter((element) => raise(changed, element)).length > 0;
    if (!isChanged) return made;
    context.db.setString(key, changed, { keepTtl: true });
    return RedisResult.create(RedisValue.integer(1));
  });
  changeCommand(engine, "pfcount", (execute) => (args, context) => {
    const { keys } = unchecked<{ keys: readonly Buffer[] }>(args);
    const result = execute(args, context);
    if (!("value" in result)) return result;
    const all = keys.flatMap((key) => context.db.getString(key) ?? []);
    return RedisResult.create(RedisValue.integer(estimate(all)));
  });
}

/** Adds an element. Says whether its register was raised. */
function raise(held: Buffer, element: Buffer): boolean {
  const hash = murmurHash(element);
  const index = Number(hash & BigInt(registers - 1));
  const rank = trailingZeros((hash >> 14n) | (1n << BigInt(counted))) + 1;
  if ((held[index] ?? 0) >= rank) return false;
  held[index] = rank;
  return true;
}

function trailingZeros(bits: bigint): number {
  const [low, high] = [Number(bits & 0xffff_ffffn), Number(bits >> 32n)];
  return low === 0 ? 32 + zerosOf(high) : zerosOf(low);
}

function zerosOf(bits: number): number {
  return 31 - Math.clz32(bits & -bits);
}

/** MurmurHash64A with the seed that Redis has. */
function murmurHash(bytes: Buffer): bigint {
  const factor = 0xc6a4_a793_5bd1_e995n;
  const multiply = (value: bigint) => BigInt.asUintN(64, value * factor);
  const mix = (value: bigint) => value ^ (value >> 47n);
  const whole = bytes.length - (bytes.length % 8);
  let hash = 0xadc8_3b19n ^ multiply(BigInt(bytes.length));
  for (let i = 0; i < whole; i += 8) {
    hash = multiply(hash ^ multiply(mix(multiply(bytes.readBigUInt64LE(i)))));
  }
  if (whole < bytes.length) {
    const rest = bytes.subarray(whole).reduceRight((bits, byte) => (bits << 8n) | BigInt(byte), 0n);
    hash = multiply(hash ^ rest);
  }
  return mix(multiply(mix(hash)));
}

/** The estimate of all of them together. */
function estimate(all: readonly Buffer[]): number {
  if (all.length === 0) return 0;
  const ranks = Array.from({ length: counted + 2 }, () => 0);
  for (let i = 0; i < registers; i += 1) {
    const rank = all.reduce((most, held) => Math.max(most, held[i] ?? 0), 0);
    ranks[rank] = (ranks[rank] ?? 0) + 1;
  }
  let sum = registers * tau(1 - (ranks[counted + 1] ?? 0) / registers);
  for (let rank = counted; rank >= 1; rank -= 1) sum = (sum + (ranks[rank] ?? 0)) / 2;
  sum += registers * sigma((ranks[0] ?? 0) / registers);
  return Math.round((registers * registers) / (2 * Math.LN2 * sum));
}

/** What the registers add that are zero, as a share. */
function sigma(share: number): number {
  if (share === 1) return Number.POSITIVE_INFINITY;
  let [power, weight, sum, last] = [share, 1, share, Number.NaN];
  while (sum !== last) {
    power *= power;
    last = sum;
    sum += power * weight;
    weight += weight;
  }
  return sum;
}

/** What the registers add that are full, by the share of those that are not. */
function tau(share: number): number {
  if (share === 0 || share === 1) return 0;
  let [root, weight, sum, last] = [share, 1, 1 - share, Number.NaN];
  while (sum !== last) {
    root = Math.sqrt(root);
    weight /= 2;
    last = sum;
    sum -= (1 - root) ** 2 * weight;
  }
  return sum / 3;
}
