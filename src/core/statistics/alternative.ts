/** What a test of x against y looks for: any difference, x larger, or x smaller. */
export type Alternative = "two_sided" | "greater" | "less";
