import { momentsOf, type Moments } from "../../../src/core/statistics/moments.ts";
import type { Result } from "../../../src/base/result.ts";

/** The value of a result that must be one. */
export function valueOf<Value>(result: Result<Value, unknown>): Value {
  if (!result.ok) throw new Error(`not ok: ${JSON.stringify(result.error)}`);
  return result.value;
}

/** The fault's code of a result that must be an error. */
export function codeOf(result: Result<unknown, { readonly code: string }>): string {
  if (result.ok) throw new Error(`ok: ${JSON.stringify(result.value)}`);
  return result.error.code;
}

export function moments(...values: number[]): Moments {
  return valueOf(momentsOf(values));
}
