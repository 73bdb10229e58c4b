/** A small line without axes, as wide as its box; it shows the shape, the number beside it the value. */
export function Sparkline({
  lines,
  length,
  label,
}: {
  /** Oldest first; null is a gap. */
  lines: readonly { readonly at: number; readonly values: readonly (number | null)[] }[];
  /** How many values the width stands for; with fewer the line begins further on. */
  length: number;
  label: string;
}) {
  const most = Math.max(0, ...lines.flatMap(({ values }) => values.map((value) => value ?? 0)));
  return (
    <svg
      class="sparkline"
      viewBox="0 0 240 40"
      preserveAspectRatio="none"
      role="img"
      aria-label={label}
    >
      <path class="sparkline-ground" d="M0 39.5H240" />
      {lines.map(({ at, values }) => (
        <path key={at} class={`sparkline-line line-${at % 8}`} d={pathOf(values, length, most)} />
      ))}
    </svg>
  );
}

function pathOf(values: readonly (number | null)[], length: number, most: number): string {
  let path = "";
  let isDown = false;
  for (const [index, value] of values.entries()) {
    if (value === null) {
      isDown = false;
      continue;
    }
    const x = ((index + length - values.length) / (length - 1)) * 240;
    const y = most === 0 ? 38 : 38 - (value / most) * 35;
    path += `${isDown ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`;
    isDown = true;
  }
  return path;
}
