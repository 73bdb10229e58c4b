import type { Glyphs } from "./glyphs.ts";

/** Charts as text: pure functions of their numbers, exactly as wide as asked. */

/** A bar for a share 0…1; any share above 0 shows, and only the whole fills it. */
export function bar(share: number, width: number, { bar: steps, track }: Glyphs): string {
  const [filled, rest] = barParts(share, width, steps);
  return filled + track.repeat(Math.max(0, width - rest));
}

/** The filled part alone, and how many columns it takes. */
function barParts(
  share: number,
  width: number,
  steps: Glyphs["bar"],
): readonly [filled: string, columns: number] {
  if (width <= 0) return ["", 0];
  const perColumn = steps.length;
  const whole = width * perColumn;
  const wanted = Math.round(clamp(share) * whole);
  const units = share > 0 && wanted === 0 ? 1 : share < 1 && wanted === whole ? whole - 1 : wanted;
  const full = Math.floor(units / perColumn);
  const part = units % perColumn;
  const last = part === 0 ? "" : (steps[part - 1] ?? "");
  return [(steps.at(-1) ?? "").repeat(full) + last, full + (part === 0 ? 0 : 1)];
}

/** The last `width` values, the newest at the right; nulls are gaps. The scale is from 0 to `top`, the highest unless given. */
export function sparkline(
  values: readonly (number | null)[],
  width: number,
  { levels }: Glyphs,
  highestValue?: number,
): string {
  if (width <= 0) return "";
  const shown = values.slice(-width);
  const top = highestValue ?? highest(shown);
  const signs = shown.map((value) => {
    if (value === null || !Number.isFinite(value)) return " ";
    const at = top > 0 ? Math.round(clamp(value / top) * (levels.length - 1)) : 0;
    return levels[at] ?? " ";
  });
  return " ".repeat(Math.max(0, width - signs.length)) + signs.join("");
}

/** As {@link sparkline}, `height` lines high, the top one first. */
export function columnChart(
  values: readonly (number | null)[],
  width: number,
  height: number,
  { levels }: Glyphs,
  top = highest(values),
): string[] {
  const shown = values.slice(-Math.max(0, width));
  const perLine = levels.length;
  return Array.from({ length: Math.max(0, height) }, (_, row) => {
    const below = (height - 1 - row) * perLine;
    const signs = shown.map((value) => {
      if (value === null || !Number.isFinite(value) || value < 0) return " ";
      const units = top > 0 ? Math.max(1, Math.round(clamp(value / top) * height * perLine)) : 1;
      const here = Math.min(perLine, units - below);
      return here <= 0 ? " " : (levels[here - 1] ?? " ");
    });
    return " ".repeat(Math.max(0, width - signs.length)) + signs.join("");
  });
}

/** `values` in `width` means of equal stretches, so that a longer time fits; gaps stay gaps where all is gap. */
export function squeeze(values: readonly (number | null)[], width: number): (number | null)[] {
  if (values.length <= width || width <= 0) return [...values];
  // Stretches are counted from the newest, so that old columns do not change with each new value.
  const size = Math.ceil(values.length / width);
  const out: (number | null)[] = [];
  for (let end = values.length; end > 0; end -= size) {
    const known = values
      .slice(Math.max(0, end - size), end)
      .filter((value): value is number => value !== null);
    out.unshift(
      known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / known.length,
    );
  }
  return out;
}

export function highest(values: readonly (number | null)[]): number {
  return values.reduce<number>(
    (top, value) => (value !== null && Number.isFinite(value) ? Math.max(top, value) : top),
    0,
  );
}

function clamp(share: number): number {
  return Math.min(1, Math.max(0, finite(share)));
}

function finite(value: number): number {
  return Number.isFinite(value) ? value : 0;
}
