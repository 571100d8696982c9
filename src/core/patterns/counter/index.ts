export { createCounters } from "./counters.ts";
export { incrementWithin } from "./operations/increment-within.ts";
export type { IncrementResult, IncrementWithinOptions } from "./operations/increment-within.ts";
export { takeCounter } from "./operations/take-counter.ts";
export type { CounterOptions, Counters, ReadOptions } from "./options.ts";
export { createSeries } from "./series.ts";
export type { Series, SeriesIncrementOptions, SeriesOptions, SeriesPoint, SeriesRange } from "./series-options.ts";
export type { Lifetime } from "../../time/lifetime.ts";
export type { ChangeOptions } from "../../request.ts";
