/** A file of results: what each bench found when it was last run. */
export interface ResultsFile {
  readonly benches: readonly Results[];
}

/** What one bench found. */
export interface Results {
  readonly bench: string;
  readonly mode: Mode;
  readonly machine: Machine;
  readonly tables: readonly Table[];
}

export type Mode = "quick" | "full";
export type Table = Measured | Told;

/** Where it was measured, and the versions of everybody who took part. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly system: string;
  readonly node: string;
  readonly redis: string;
  readonly packages: Readonly<Record<string, string>>;
}

interface Origin {
  readonly title: string;
  /** What a reader has to know to read the table. */
  readonly note?: string | undefined;
  /** When it was measured, in ISO 8601. */
  readonly at: string;
  /** The commit that was measured. */
  readonly commit: string;
}

/** Figures of several contenders, in rounds that took turns. */
export interface Measured extends Origin {
  readonly kind: "measured";
  readonly columns: readonly Column[];
  readonly rows: readonly Row[];
}

/** What was seen, in words. */
export interface Told extends Origin {
  readonly kind: "told";
  readonly columns: readonly string[];
  readonly rows: readonly { readonly name: string; readonly cells: readonly string[] }[];
}

export interface Column {
  readonly name: string;
  readonly unit: string;
  /** Which figures are good ones; absent where the column is beside the point and gets no ratio. */
  readonly better?: "more" | "less" | undefined;
}

/**
 * Who a row is about: this package, the same again as a control of the noise, what the machine can do at best, or somebody else. Ratios
 * are to the row of `ours`.
 */
export type Role = "ours" | "control" | "limit" | "other";

export interface Row {
  readonly name: string;
  readonly role: Role;
  /** For each column one figure a round; none where the contender cannot do what the column asks. */
  readonly samples: readonly (readonly number[])[];
}
