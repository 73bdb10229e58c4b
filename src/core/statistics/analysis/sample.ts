/** One arm's rows: a value a metric and row, and whose rows they are. */
export type ArmSample = {
  readonly name: string;
  readonly n: number;
  /** Values by metric, in the order of the rows. */
  readonly values: ReadonlyMap<string, Float64Array>;
  /** User of each row as an index from 0 to `userCount` − 1; null without a user column. */
  readonly users: Int32Array | null;
  /** Distinct users; null without a user column. */
  readonly userCount: number | null;
};
