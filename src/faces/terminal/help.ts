import { line, span, type Line } from "./line.ts";
import type { Panel } from "./panel.ts";

const keys: readonly (readonly [string, string])[] = [
  ["up down  j k", "move among experiments, or scroll"],
  ["tab", "between experiments and alerts; in the detail, to the next experiment"],
  ["enter", "open the experiment, or close it again"],
  ["/", "filter by name, state or variant; Escape ends it"],
  ["p", "pause the rollout or experiment"],
  ["r", "resume it"],
  ["P", "promote the rollout to its next step"],
  ["b", "roll back: everybody gets the control; asks first"],
  ["a", "acknowledge the marked alert, or the first one that nobody has seen"],
  ["?", "this page"],
  ["q  Ctrl-C", "quit"],
];

const words: readonly (readonly [string, string])[] = [
  ["seen / wanted", "share of requests that the variant had, and the one configured"],
  ["success", "of finished requests, since the split last changed; p95 likewise"],
  ["trend", "a column a second or more, the newest at the right"],
  ["wait", "not enough evidence yet; neither goes up nor comes down for it"],
  ["BREACH", "the limit is surely broken: rolls back, pauses or alerts"],
  ["STALE", "the connection is lost: numbers are old until it is back"],
];

/** What the keys do, and what the words mean. */
export function drawHelp(scroll: number, rows: number): Panel {
  const lines: Line[] = [
    ...keys.map(([key, does]): Line => [span(`  ${key.padEnd(16)}`, "key"), span(does)]),
    [],
    ...words.map(([word, means]): Line => [span(`  ${word.padEnd(16)}`, "strong"), span(means)]),
  ];
  const from = Math.min(scroll, Math.max(0, lines.length - rows));
  const note = lines.length > rows ? line("up and down scroll", "dim") : [];
  return { title: [span("Help", "title")], note, lines: lines.slice(from) };
}
