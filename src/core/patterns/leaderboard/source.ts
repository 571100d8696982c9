import type { Redis, Reply, SendOptions } from "../../port/redis.ts";
import type { Period, Span } from "../../time/period.ts";
import { type BoardContext, type Places, placesOf } from "./context.ts";
import { pageScript } from "./scripts/page.lua.ts";
import { standingsScript } from "./scripts/standings.lua.ts";

type Values<Script extends (redis: Redis, values: never) => unknown> = Parameters<Script>[1];

/** What a reader reads: the boards themselves, or what is merged from them. */
export interface BoardSource {
  readonly redis: Redis;
  readonly period: Period | undefined;
  readonly order: BoardContext["order"];
  readonly ties: BoardContext["ties"];
  locate(id: string, spans: readonly (Span | undefined)[]): Places;
  page(values: Values<typeof pageScript>, options: SendOptions): Promise<Reply>;
  standings(values: Values<typeof standingsScript>, options: SendOptions): Promise<Reply>;
}

export function boardSource(context: BoardContext): BoardSource {
  const { redis, period, order, ties } = context;
  return {
    redis,
    period,
    order,
    ties,
    locate: (id, spans) => placesOf(context, id, spans),
    page: (values, options) => pageScript(redis, values, options),
    standings: (values, options) => standingsScript(redis, values, options),
  };
}
