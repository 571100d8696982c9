export type { Fault } from "./faults.ts";
export type { Held } from "./held.ts";
export type { Counts } from "./tally.ts";
export { type FaultOptions, type Faults, withFaults } from "./with-faults.ts";
