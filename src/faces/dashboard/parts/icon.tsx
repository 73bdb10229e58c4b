/** Small line drawings, 16 units square; they repeat what a word beside them says. */
const paths = {
  ok: "M3.5 8.5l3 3 6-7",
  breach: "M8 3v6M8 12.2v.3",
  wait: "M8 4v4.2l2.6 1.8M14 8A6 6 0 1 1 2 8a6 6 0 0 1 12 0",
  error: "M4.5 4.5l7 7M11.5 4.5l-7 7",
  pause: "M5.5 3.5v9M10.5 3.5v9",
  play: "M5 3.2v9.6L12.5 8z",
  back: "M6.5 3.5L2.5 7.5l4 4M3 7.5h6.5a4 4 0 0 1 0 8H8",
  up: "M8 13V3.5M4 7.5l4-4 4 4",
  dot: "M8 8v.01",
  info: "M8 7.5v4M8 4.5v.2",
  bell: "M4 11V7.5a4 4 0 0 1 8 0V11l1.2 1.2H2.8zM6.8 14h2.4",
  grid: "M3 3h4v4H3zM9 3h4v4H9zM3 9h4v4H3zM9 9h4v4H9z",
  pulse: "M1.5 8h3l2-4.5 3 9 2-4.5h3",
  plus: "M8 3v10M3 8h10",
  file: "M4 2.5h5l3 3v8H4zM9 2.5v3h3M6 9h4M6 11.3h4",
  person: "M8 8a2.6 2.6 0 1 0 0-5.2A2.6 2.6 0 0 0 8 8zM3 13.5a5 5 0 0 1 10 0",
  sun: "M8 5.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6M8 1.5v1.2M8 13.3v1.2M1.5 8h1.2M13.3 8h1.2M3.4 3.4l.9.9M11.7 11.7l.9.9M3.4 12.6l.9-.9M11.7 4.3l.9-.9",
  moon: "M13 9.5A5.5 5.5 0 1 1 6.5 3a4.5 4.5 0 0 0 6.5 6.5z",
  screen: "M2 3h12v8H2zM6 13.5h4",
  chevron: "M4.5 6.5L8 10l3.5-3.5",
  sort: "M5 6l3-3 3 3M5 10l3 3 3-3",
} as const;

export type IconName = keyof typeof paths;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path d={paths[name]} />
    </svg>
  );
}
