import { signal } from "@preact/signals";
import type { ReadonlySignal } from "@preact/signals";
import type { Kept } from "./session.ts";

export const themeChoices = ["system", "light", "dark"] as const;
export type ThemeChoice = (typeof themeChoices)[number];

export type ThemeDesk = {
  readonly choice: ReadonlySignal<ThemeChoice>;
  /** What is in force; charts redraw when it changes. */
  readonly theme: ReadonlySignal<"light" | "dark">;
  choose(choice: ThemeChoice): void;
};

const key = "sluice.theme";

export function createTheme(window: Window, kept: Kept): ThemeDesk {
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const stored = themeChoices.find((choice) => choice === kept.getItem(key));
  const choice = signal<ThemeChoice>(stored ?? "system");
  const theme = signal<"light" | "dark">("light");
  const apply = () => {
    const isDark = choice.peek() === "dark" || (choice.peek() === "system" && dark.matches);
    // Before the signal, because who redraws reads the colours of the document.
    window.document.documentElement.dataset["theme"] = isDark ? "dark" : "light";
    theme.value = isDark ? "dark" : "light";
  };
  dark.addEventListener("change", apply);
  apply();
  return {
    choice,
    theme,
    choose(next) {
      choice.value = next;
      kept.setItem(key, next);
      apply();
    },
  };
}
