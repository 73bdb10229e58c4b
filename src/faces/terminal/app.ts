import { Box, Text, useInput, useWindowSize, type Key } from "ink";
import { createElement, useSyncExternalStore } from "react";
import type { Dashboard } from "./dashboard.ts";
import { paintFrame } from "./frame.ts";
import type { ColourDepth } from "./paint.ts";
import type { KeyName, Press } from "./ui-state.ts";

/** The dashboard as ink shows it: every line is drawn here, ink puts them on the screen and reads the keys. */
export function App({
  dashboard,
  depth,
}: {
  readonly dashboard: Dashboard;
  readonly depth: ColourDepth;
}) {
  useSyncExternalStore(dashboard.subscribe, dashboard.version);
  const { columns, rows } = useWindowSize();
  useInput((input, key) => {
    const keys = pressesOf(input, key);
    if (keys.length > 0) dashboard.press(keys);
  });
  const lines = paintFrame(dashboard.model(), { columns, rows }, depth);
  return createElement(
    Box,
    { flexDirection: "column", width: columns, height: Math.max(1, rows - 1) },
    lines.map((text, at) =>
      // An empty line keeps its place only with something in it.
      createElement(Text, { key: at, wrap: "truncate" }, text === "" ? " " : text),
    ),
  );
}

/** Ink hands over what came at once: one named key, or any number of signs. */
export function pressesOf(input: string, key: Key): Press[] {
  if (key.ctrl) return input === "c" ? [{ key: "interrupt" }] : [];
  for (const [name, named] of namedKeys) {
    if (key[name] === true) return [{ key: named === "tab" && key.shift ? "backTab" : named }];
  }
  if (key.meta) return [];
  return Array.from(input, (sign): Press => {
    if (sign === "\r" || sign === "\n") return { key: "enter" };
    return sign === "\t" ? { key: "tab" } : { sign };
  });
}

const namedKeys: readonly (readonly [keyof Key, KeyName])[] = [
  ["upArrow", "up"],
  ["downArrow", "down"],
  ["leftArrow", "left"],
  ["rightArrow", "right"],
  ["pageUp", "pageUp"],
  ["pageDown", "pageDown"],
  ["home", "home"],
  ["end", "end"],
  ["return", "enter"],
  ["escape", "escape"],
  ["tab", "tab"],
  ["backspace", "backspace"],
  // What most terminals send for the backspace key.
  ["delete", "backspace"],
];
