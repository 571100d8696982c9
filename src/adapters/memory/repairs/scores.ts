import { unchecked } from "../../../core/unchecked.ts";
import type { Engine } from "../engine-types.ts";
import type { EngineReply } from "../replies.ts";

/** Scores are spelt with 17 digits, as Redis 7.0 spells them. RESP3 has a type for them, so that there it does not matter. */
export function spellScores({ executor }: Engine): void {
  const [run, runInScript] = [executor.executePlan.bind(executor), executor.executePlanSync.bind(executor)];
  executor.executePlan = async (plan, context) => {
    const result = await run(plan, context);
    return hasScores.test(plan.definition.name) && context.session.protocolVersion === 2 ? spell(result) : result;
  };
  executor.executePlanSync = (plan, context) => {
    const result = runInScript(plan, context);
    return hasScores.test(plan.definition.name) ? spell(result) : result;
  };
}

function spell<Result extends object>(result: Result): Result {
  if (!("value" in result)) return result;
  return Object.assign(result, { value: spellIn(unchecked<EngineReply>(result.value)) });
}

const hasScores = /^(z|bz|exec$)/;

function spellIn(value: EngineReply): EngineReply {
  if (value.kind === "double") return { kind: "bulk-string", value: Buffer.from(digitsOf(value.value)) };
  if (value.kind === "array") return { ...value, items: value.items.map(spellIn) };
  if (value.kind !== "flat-pairs") return value;
  return { ...value, entries: value.entries.map(([member, score]) => [spellIn(member), spellIn(score)]) };
}

/** As `%.17g` does. */
function digitsOf(score: number): string {
  if (!Number.isFinite(score)) return String(score).replace("Infinity", "inf").replace("NaN", "nan");
  const isSmall = score !== 0 && Math.abs(score) < 1e-4;
  const [digits = "", exponent] = (isSmall ? score.toExponential(16) : score.toPrecision(17)).split("e");
  const shortest = digits.includes(".") ? digits.replace(/\.?0+$/, "") : digits;
  return exponent === undefined ? shortest : `${shortest}e${exponent.replace(/^([+-])(\d)$/, "$10$2")}`;
}
