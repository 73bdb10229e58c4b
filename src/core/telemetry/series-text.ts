import { z } from "zod";
import type { SeriesKey } from "./snapshot.ts";

const written = z.tuple([
  z.string().nullable(),
  z.string().nullable(),
  z.string().nullable(),
  z.string(),
  z.int().min(0),
  z.boolean(),
  // Texts from before there were copies lack it.
  z.boolean().optional(),
]);

/** A series' key as one text, by which it is kept. */
export function seriesText(key: SeriesKey): string {
  const { experiment, variant, upstream, route, epoch, randomised, shadow } = key;
  const always = [experiment, variant, upstream, route, epoch, randomised];
  return JSON.stringify(shadow ? [...always, true] : always);
}

/** The key that a text stands for; null for a text that stands for none. */
export function parseSeriesText(text: string): SeriesKey | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  const read = written.safeParse(value);
  if (!read.success) return null;
  const [experiment, variant, upstream, route, epoch, randomised, shadow = false] = read.data;
  return { experiment, variant, upstream, route, epoch, randomised, shadow };
}
