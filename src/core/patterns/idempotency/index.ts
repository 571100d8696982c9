export {
  IdempotencyBusyError,
  IdempotencyConflictError,
  IdempotencyNotStoredError,
  IdempotencyOutcomeLostError,
  IdempotentFailureError,
} from "./errors.ts";
export { createIdempotency } from "./idempotency.ts";
export type { Idempotent, IdempotencyOptions, IdempotentOptions, IdempotentRun } from "./options.ts";
