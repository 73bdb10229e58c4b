/** Why data cannot be analysed: a code for programs and a sentence for people, with the value and its place. */
export type DataFault = {
  readonly code: "too_few" | "zero_variance" | "not_finite" | "empty" | "out_of_range";
  readonly message: string;
};
