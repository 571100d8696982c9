import { unchecked } from "../../core/unchecked.ts";
import type { Engine } from "./engine.ts";
import type { EngineReply } from "./replies.ts";

/** Scores are spelt with 17 digits, as Redis 7.0 spells them. RESP3 has a type for them, so that there it does not matter. */
export function spellScores({ executor, module }: Engine): void {
  const { RedisResult } = module;
  const [run, runInScript] = [executor.executePlan.bind(executor), executor.executePlanSync.bind(executor)];
  const spell = <R extends object>(result: R): R => {
    const { value } = unchecked<{ value?: EngineReply }>(result);
    const spelt = value && spellIn(value);
    return spelt === value || !spelt ? result : unchecked<R>(RedisResult.create(spelt, Reflect.get(result, "options")));
  };
  executor.executePlan = async (plan, context) => {
    const result = await run(plan, context);
    return hasScores.test(plan.definition.name) && context.session.protocolVersion === 2 ? spell(result) : result;
  };
  executor.executePlanSync = (plan, context) => {
    const result = runInScript(plan, context);
    return hasScores.test(plan.definition.name) ? spell(result) : result;
  };
}

const hasScores = /^(z|bz|exec$)/;

function spellIn(value: EngineReply): EngineReply {
  switch (value.kind) {
    case "double":
      return { kind: "bulk-string", value: Buffer.from(digitsOf(value.value)) };
    case "array":
      return { ...value, items: value.items.map(spellIn) };
    case "flat-pairs":
      return { ...value, entries: value.entries.map(([member, score]) => [spellIn(member), spellIn(score)]) };
    default:
      return value;
  }
}

/** As `%.17g` does. */
export function digitsOf(score: number): string {
  if (!Number.isFinite(score)) return String(score).replace("Infinity", "inf").replace("NaN", "nan");
  const isSmall = score !== 0 && Math.abs(score) < 1e-4;
  const [digits = "", exponent] = (isSmall ? score.toExponential(16) : score.toPrecision(17)).split("e");
  const shortest = digits.includes(".") ? digits.replace(/\.?0+$/, "") : digits;
  return exponent === undefined ? shortest : `${shortest}e${exponent.replace(/^([+-])(\d)$/, "$10$2")}`;
}
