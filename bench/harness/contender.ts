import type { Column, Role } from "./results.ts";

/** Somebody who takes part, as its documentation has it. */
export interface Contender<I extends Instance> {
  readonly name: string;
  readonly role: Role;
  /**
   * The share of the calls that it has to make: less for somebody who is slow by nature.
   * @default 1
   */
  readonly share?: number | undefined;
  open(): Promise<I>;
}

export interface Instance {
  close(): unknown;
}

/** An instance that is asked about one id after another. A call that did not get what it wanted rejects. */
export interface Asked extends Instance {
  call(id: string): Promise<unknown>;
}

/** One kind of work, whose figures are those of its columns. */
export interface Load<I extends Instance> {
  readonly columns: readonly Column[];
  /** How many calls one round makes in the full mode, and the warm-up in both modes. */
  readonly calls: number;
  /** What has to be so before each run; it is not measured. */
  prepare?(): Promise<unknown>;
  /** One figure for each column; nothing if the contender cannot do that. */
  run(instance: I, calls: number, round: number): Promise<readonly number[] | undefined>;
}

/** This package twice: the second one is the control, whose ratio to the first is the noise. */
export function twice<I extends Instance>(name: string, open: () => Promise<I>): readonly Contender<I>[] {
  return [
    { name, role: "ours", open },
    { name: `${name}, again`, role: "control", open },
  ];
}

/** A package that is found at run time: the rivals are installed in bench/ only, and type checks run without them. */
// oxlint-disable-next-line typescript/no-explicit-any -- Nobody's types are here when types are checked.
export function rival(name: string): Promise<any> {
  return import(name);
}
