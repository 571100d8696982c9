export { addMany } from "./operations/add-many.ts";
export { BloomFilterMismatchError } from "./errors.ts";
export { createBloomFilter } from "./bloom-filter.ts";
export { describeFilter } from "./operations/describe-filter.ts";
export type { FilterDescription } from "./operations/describe-filter.ts";
export { mightContainMany } from "./operations/might-contain-many.ts";
export type {
  BloomFilter,
  BloomFilterOptions,
  FilterOptions,
  LastingFilterOptions,
  LookOptions,
  RotatingFilterOptions,
} from "./options.ts";
export type { ChangeOptions } from "../../request.ts";
export type { Lifetime } from "../../time/lifetime.ts";
