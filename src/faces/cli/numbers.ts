import { err, ok, type Result } from "../../base/result.ts";

/** A number as typed; `isShare` when it ended in %. */
export type Amount = { readonly value: number; readonly isShare: boolean };

/** Reads `0.05`, `5%`, `1e6`, `1_000`. */
export function parseAmount(text: string): Result<Amount, string> {
  const isShare = text.endsWith("%");
  const digits = (isShare ? text.slice(0, -1) : text).replaceAll("_", "");
  const value = /^[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?$/i.test(digits)
    ? Number(digits)
    : Number.NaN;
  if (!Number.isFinite(value))
    return err(`expected a number such as 0.05 or 5%, not ${JSON.stringify(text)}`);
  return ok({ value: isShare ? value / 100 : value, isShare });
}

/** Reads shares such as `95:5`; each must be above 0. */
export function parseSplit(text: string): Result<readonly number[], string> {
  const shares = text.split(":").map((part) => parseAmount(part));
  const values: number[] = [];
  for (const share of shares) {
    if (!share.ok || share.value.value <= 0) {
      return err(`expected shares above 0 such as 95:5, not ${JSON.stringify(text)}`);
    }
    values.push(share.value.value);
  }
  return values.length < 2
    ? err(`expected at least two shares such as 95:5, not ${JSON.stringify(text)}`)
    : ok(values);
}
