import { checkOneOf } from "../../check.ts";
import type { Reply } from "../../port/redis.ts";
import { text } from "../../port/reply.ts";
import { type ChangeOptions, checkChange, type Remembered, rememberRequest } from "../../request.ts";
import { encodeData } from "../../data/json.ts";
import { askBoards } from "./ask.ts";
import { checkScore, checkWhole } from "./check-call.ts";
import { type BoardContext, type Places, placesOf } from "./context.ts";
import { encodeMember } from "./format.ts";
import type { BoardChangeOptions, IncrementOptions, Placing, SetScoreOptions } from "./options.ts";
import { changeScript } from "./scripts/change.lua.ts";
import { removeScript } from "./scripts/remove.lua.ts";

export async function setScore(
  context: BoardContext,
  id: string,
  member: string,
  score: number,
  options?: SetScoreOptions,
): Promise<Placing> {
  const { only } = checkChange(options, '{ only: "higher" }') ?? {};
  if (only !== undefined) checkOneOf("only", only, ["higher", "lower"]);
  checkScore("score", score);
  return change(context, id, member, { operation: "set", value: score, only: only ?? "" }, options);
}

export async function incrementScore(
  context: BoardContext,
  id: string,
  member: string,
  by: number,
  options?: IncrementOptions,
): Promise<Placing> {
  checkChange(options);
  checkWhole(context.first, "by", checkScore("by", by));
  return change(context, id, member, { operation: "increment", value: by, only: "" }, options);
}

export async function removeMember(
  context: BoardContext,
  id: string,
  member: string,
  options?: BoardChangeOptions,
): Promise<boolean> {
  const { at, signal } = checkChange(options) ?? {};
  const stored = encodeMember(member);
  const remembered = rememberChange(context, id, "remove", stored, options ?? {});
  const remove = async (places: Places): Promise<Reply> => {
    const values = { ...remembered, ...places, member: stored };
    return removeScript(context.redis, values, { signal, idempotent: true });
  };
  const { reply } = await askBoards(context.period, at, (spans) => placesOf(context, id, spans), remove);
  return text(reply) === "1";
}

interface Change {
  readonly operation: "set" | "increment";
  readonly value: number;
  readonly only: string;
}

async function change(
  context: BoardContext,
  id: string,
  member: string,
  change: Change,
  options: IncrementOptions = {},
): Promise<Placing> {
  const { redis, order, ties, most, ttl, first, maxBytes } = context;
  const { data, at, signal } = options;
  const stored = encodeMember(member);
  const values = {
    ...change,
    ...rememberChange(context, id, change.operation, stored, options),
    member: stored,
    stored: data === undefined ? "" : encodeData(data, "data", maxBytes),
    order,
    ties,
    most,
    ttl,
    unit: first?.unit ?? "",
    epoch: first && !context.period ? first.from : "",
    at: at ?? "",
  };
  const locate = (spans: Parameters<typeof placesOf>[2]) => {
    if (change.operation === "set" && spans.length > 0) checkFits(context, spans, change.value);
    return placesOf(context, id, spans);
  };
  const send = (places: Places) => changeScript(redis, { ...values, ...places }, { signal, idempotent: true });
  const { reply } = await askBoards(context.period, at, locate, send);
  return decodePlacing(reply);
}

/** Each member has requests of its own: one match gives points to several. The length tells where its name ends. */
function rememberChange(
  { namespace, scope, requestTtl }: BoardContext,
  id: string,
  operation: string,
  member: string,
  options: ChangeOptions,
): Remembered {
  const own = options.requestId === undefined ? "" : `:${member.length}:${member}`;
  return rememberRequest(namespace, id, `${operation}:${scope}${own}`, options, requestTtl);
}

/** Refuses a score that fits into none of the periods. Into which one it goes, the server's clock decides. */
function checkFits({ first }: BoardContext, spans: Parameters<typeof placesOf>[2], score: number): void {
  if (first) first.checkScore("score", score, Math.min(...spans.map((span) => first.shiftIn(span))));
}

function decodePlacing(reply: Reply): Placing {
  const [changed, score, rank] = text(reply).split(" ");
  return { changed: changed === "1", score: Number(score), rank: Number(rank) || null };
}
