import { Name } from "./text.tsx";

/** As many as are told apart by colour, dash and shape; further ones repeat them. */
export const seriesLooks = 8;

/** Of a line: on and off, in pixels; none is a whole line. */
export const seriesDashes: readonly (readonly number[])[] = [
  [],
  [8, 4],
  [2, 3],
  [10, 3, 2, 3],
  [5, 2],
  [12, 5],
  [2, 6],
  [8, 3, 2, 3, 2, 3],
];

const shapes = [
  "M8 3a5 5 0 1 1 0 10A5 5 0 0 1 8 3z",
  "M3.5 3.5h9v9h-9z",
  "M8 2.5l5.8 10.5H2.2z",
  "M8 2l6 6-6 6-6-6z",
  "M2.2 3.5h11.6L8 13.5z",
  "M6 2.5h4V6h3.5v4H10v3.5H6V10H2.5V6H6z",
  "M8 2l5.7 4.2-2.2 6.8H4.5L2.3 6.2z",
  "M3 5.5L5.5 3 8 5.5 10.5 3 13 5.5 10.5 8l2.5 2.5-2.5 2.5L8 10.5 5.5 13 3 10.5 5.5 8z",
] as const;

/** The mark of a variant: each has a shape and a colour of its own, by its place in the experiment. */
export function VariantMark({ at }: { at: number }) {
  const look = at % seriesLooks;
  return (
    <svg class={`mark series-${look}`} viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path d={shapes[look]} />
    </svg>
  );
}

export function VariantName({
  at,
  name,
  isControl = false,
}: {
  at: number;
  name: string;
  isControl?: boolean;
}) {
  return (
    <span class="variant">
      <VariantMark at={at} />
      <Name>{name}</Name>
      {isControl && <span class="tag">control</span>}
    </span>
  );
}
