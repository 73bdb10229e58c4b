import { cutLine, span, type Line } from "./line.ts";
import type { Model } from "./model.ts";
import { wrap } from "./text.ts";

/** The bottom: what is asked, else what was done, else what the keys do. */
export function drawFooter(model: Model, columns: number): Line[] {
  const { ui, glyphs } = model;
  if (ui.question !== null) {
    const answers: Line = [
      span(" y", "key"),
      span(" yes, do it   "),
      span("Esc", "key"),
      span(" no"),
    ];
    return [
      ...wrap(ui.question.text, columns - 2, 3, glyphs.more).map((text): Line => [
        span(` ${text}`, "warn"),
      ]),
      answers,
    ];
  }
  if (ui.isFiltering) {
    return [
      [
        span(" filter ", "key"),
        span(ui.filter),
        span(glyphs.isAscii ? "_" : "▏", "key"),
        span("   enter keeps it, Esc ends it", "dim"),
      ],
    ];
  }
  if (ui.message !== null) {
    return wrap(ui.message.text, columns - 2, 3, glyphs.more).map((text) => [
      span(` ${text}`, ui.message?.tone ?? "plain"),
    ]);
  }
  return [cutLine(hints(model, columns), columns)];
}

function hints({ ui, role }: Model, columns: number): Line {
  const steer: [string, string][] =
    role === "viewer"
      ? []
      : [
          ["p", "pause"],
          ["r", "resume"],
          ["P", "promote"],
          ["b", "roll back"],
          ["a", "ack"],
        ];
  const all: [string, string][] = [
    ["?", "help"],
    ["q", "quit"],
    ["enter", ui.view === "overview" ? "open" : "close"],
    ...steer,
    ["/", "filter"],
    ["tab", ui.view === "detail" ? "next" : "alerts"],
  ];
  const shown: Line[] = [];
  let used = 1;
  for (const [key, does] of all) {
    const width = key.length + does.length + 3;
    if (used + width > columns) break;
    used += width;
    shown.push([span(key, "key"), span(` ${does}`, "dim"), span("  ")]);
  }
  return [span(" "), ...shown.flat()];
}
