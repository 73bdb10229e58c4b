/** A closed interval; a one-sided one has an infinite end. */
export type Interval = { readonly low: number; readonly high: number };
