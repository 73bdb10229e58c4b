import type { ReportFacts } from "../../../src/core/report/facts.ts";
import { clearWin } from "./cases.ts";

/** Facts in which everything that people or programs name is out to break the report. */

export const names = {
  experiment: `<script>alert(1)</script>](https://evil.example) | =cmd "x" \u202eabc\n# heading`,
  control: `שלום עולם <b>bold</b> ${"very-long-name-".repeat(12)}`,
  treatment: "مرحبا 你好 `tick` *star* _under_ $&{x} \u0007 https://evil.example/?a=1&b=2",
  route: "POST /a|b/`c`/<img src=x onerror=alert(1)>",
  actor: "- ann\n1. mallory @everyone",
} as const;

function renamed(text: string): string {
  return JSON.stringify(JSON.parse(text), (_key, value: unknown) => {
    if (value === "two_models") return names.experiment;
    if (value === "full") return names.control;
    if (value === "compact") return names.treatment;
    if (value === "POST /query") return names.route;
    if (value === "ann") return names.actor;
    if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, each]) => [
        key === "full" ? names.control : key === "compact" ? names.treatment : key,
        each,
      ]),
    );
  });
}

const parsed = JSON.parse(renamed(JSON.stringify(clearWin))) as ReportFacts;

export const hostile: ReportFacts = {
  ...parsed,
  insights: {
    kind: "written",
    model: names.control,
    paragraphs: [names.experiment, "# No [link](https://evil.example) <img src=x onerror=y>"],
  },
  config: {
    ...parsed.config,
    text: "a: |\n  ```\n  </pre><script>alert(1)</script>\n\tb: \u0000\n",
  },
};
