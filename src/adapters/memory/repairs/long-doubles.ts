import { unchecked } from "../../../core/unchecked.ts";
import { changeCommand, changeSchema } from "./commands.ts";
import type { Engine } from "../engine-types.ts";

/** A number of a C `long double`: `mantissa * 2 ** exponent`, of 64 bits. */
interface LongDouble {
  readonly mantissa: bigint;
  readonly exponent: bigint;
}

/** The engine adds floating numbers as JavaScript does, where 0.1 + 0.2 has seventeen digits. Redis has eleven bits more, and rounds. */
export function addLongDoubles(engine: Engine): void {
  const { RedisResult, RedisValue, ExpectedFloatError, t } = engine.module;
  changeCommand(engine, "incrbyfloat", (execute) => (args, context) => {
    const { key, amount } = unchecked<{ key: Buffer; amount: Buffer }>(args);
    const before = context.db.getType(key) === "string" ? String(context.db.getString(key)) : "0";
    const result = execute(args, context);
    const sum = Buffer.from(sumOf(before, String(amount)));
    context.db.setString(key, sum, { keepTtl: true });
    return "value" in result ? RedisResult.create(RedisValue.bulkString(sum)) : result;
  });
  // Its increment reaches it as a number, which has lost some of its digits.
  changeSchema(engine, "hincrbyfloat", t.object({ key: t.key(), field: t.key(), increment: t.key() }));
  changeCommand(engine, "hincrbyfloat", (execute) => (args, context) => {
    const { key, field, increment } = unchecked<{ key: Buffer; field: Buffer; increment: Buffer }>(args);
    if (!isDecimal(String(increment))) throw new ExpectedFloatError();
    const isThere = context.db.getType(key) === "hash";
    const before = isThere && context.db.updateHash(key, (hash) => hash.getField(field)?.value);
    const result = execute({ key, field, increment: Number(increment) }, context);
    const sum = Buffer.from(sumOf(String(before || "0"), String(increment)));
    context.db.updateHash(key, (hash) => hash.setField(field, sum, { forceDirty: true, keepTtl: true }));
    return "value" in result ? RedisResult.create(RedisValue.bulkString(sum)) : result;
  });
}

function isDecimal(text: string): boolean {
  return text.trim() === text && text !== "" && Number.isFinite(Number(text)) && !/^[+-]?0[xob]/i.test(text);
}

/** The sum of two decimal numbers, in up to seventeen digits behind the point. */
function sumOf(one: string, other: string): string {
  const [a, b] = [parse(one), parse(other)];
  const exponent = a.exponent < b.exponent ? a.exponent : b.exponent;
  const aligned = ({ mantissa, exponent: own }: LongDouble) => mantissa << (own - exponent);
  return print(round(aligned(a) + aligned(b), 1n, exponent));
}

function parse(text: string): LongDouble {
  const [, sign, whole = "", fraction = "", power = "0"] =
    /^\s*([+-]?)(\d*)\.?(\d*)(?:e([+-]?\d+))?$/i.exec(text) ?? [];
  const digits = BigInt(`${whole}${fraction}` || "0") * (sign === "-" ? -1n : 1n);
  const tens = BigInt(power) - BigInt(fraction.length);
  return tens >= 0n ? round(digits * 10n ** tens, 1n, 0n) : round(digits, 10n ** -tens, 0n);
}

/** `numerator / denominator * 2 ** exponent` in 64 bits, half to even. */
function round(numerator: bigint, denominator: bigint, exponent: bigint): LongDouble {
  const length = (value: bigint) => BigInt(value.toString(2).replace("-", "").length);
  const shift = 66n - length(numerator) + length(denominator);
  const scaled = shift > 0n ? (numerator << shift) / denominator : numerator / (denominator << -shift);
  const rest = shift > 0n ? (numerator << shift) % denominator : numerator % (denominator << -shift);
  // The bits below tell whether it is more than a half.
  const sticky = scaled * 2n + (rest === 0n ? 0n : numerator < 0n ? -1n : 1n);
  const surplus = length(sticky) - 64n;
  if (surplus <= 0n) return { mantissa: sticky, exponent: exponent - shift - 1n };
  return { mantissa: divideHalfToEven(sticky, 1n << surplus), exponent: exponent - shift - 1n + surplus };
}

function divideHalfToEven(numerator: bigint, denominator: bigint): bigint {
  const size = numerator < 0n ? -numerator : numerator;
  const [quotient, twice] = [size / denominator, (size % denominator) * 2n];
  const rounded = twice > denominator || (twice === denominator && quotient % 2n === 1n) ? quotient + 1n : quotient;
  return numerator < 0n ? -rounded : rounded;
}

/** As `%.17Lf` does, without the zeros at the end. */
function print({ mantissa, exponent }: LongDouble): string {
  const tens = mantissa * 10n ** 17n;
  const scaled = exponent >= 0n ? tens << exponent : divideHalfToEven(tens, 1n << -exponent);
  const digits = String(scaled).replace("-", "").padStart(18, "0");
  const text = `${digits.slice(0, -17)}.${digits.slice(-17)}`.replace(/\.?0+$/, "");
  return scaled < 0n ? `-${text}` : text;
}
