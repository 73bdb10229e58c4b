import { drawAlerts } from "./alerts.ts";
import { drawDetail } from "./detail.ts";
import { drawFooter } from "./footer.ts";
import { drawHeader, drawShortHeader, drawSystem } from "./header.ts";
import { drawHelp } from "./help.ts";
import { cutLine, type Line } from "./line.ts";
import { drawList } from "./list.ts";
import type { Model, Size } from "./model.ts";
import { paint, type ColourDepth } from "./paint.ts";
import { toAscii } from "./text.ts";
import { beside, drawPanel, panelOverhead, type Panel } from "./panel.ts";

/**
 * The whole screen as lines: never wider than the terminal, and one line fewer than it has, because a terminal whose
 * last line is written scrolls.
 */
export function drawFrame(model: Model, { columns, rows }: Size): Line[] {
  const height = Math.max(0, rows - 1);
  const isTall = rows >= 16;
  const header = isTall ? drawHeader(model, columns) : drawShortHeader(model, columns);
  const system = rows >= 14 ? [drawSystem(model, columns)] : [];
  const footer = drawFooter(model, columns).slice(-Math.max(1, height - 1));
  const room = Math.max(0, height - header.length - system.length - footer.length);
  const body = drawBody(model, columns, room);
  const padding = Array.from({ length: Math.max(0, room - body.length) }, (): Line => []);
  return [...header, ...body.slice(0, room), ...padding, ...system, ...footer]
    .slice(0, height)
    .map((one) => cutLine(one, Math.max(0, columns)));
}

/** The screen as a terminal takes it. */
export function paintFrame(model: Model, size: Size, depth: ColourDepth): string[] {
  const { isAscii } = model.glyphs;
  return drawFrame(model, size).map((parts) =>
    paint(isAscii ? parts.map(({ text, tone }) => ({ text: toAscii(text), tone })) : parts, depth),
  );
}

type Draw = (columns: number, rows: number) => Panel;

function drawBody(model: Model, columns: number, rows: number): Line[] {
  const isBoxed = rows >= 24 && columns >= 90;
  const draw = (panel: Draw, width: number, height: number) => {
    const { rows: frame, columns: sides } = panelOverhead(isBoxed);
    const content = panel(Math.max(0, width - sides), Math.max(0, height - frame));
    return drawPanel(content, width, height, isBoxed, model.glyphs);
  };
  if (model.ui.view === "help") {
    return draw((_, height) => drawHelp(model.ui.scroll, height), columns, rows);
  }
  const detail: Draw = (width, height) => drawDetail(model, width, height);
  const list: Draw = (width, height) => drawList(model, width, height);
  const alerts: Draw = (width, height) => drawAlerts(model, width, height);
  if (model.ui.view === "detail" && model.selected !== null) return draw(detail, columns, rows);
  const overhead = panelOverhead(isBoxed).rows;
  if (columns >= 160 && rows >= 24) {
    const left = Math.min(110, Math.floor(columns * 0.42));
    const below = alertRows(model, Math.floor(rows / 3)) + overhead;
    return beside(
      [...draw(list, left, rows - below), ...draw(alerts, left, below)],
      left,
      draw(detail, columns - left - 1, rows),
      columns,
    );
  }
  const below =
    rows >= 26 || (model.alerts.length > 0 && rows >= 12)
      ? alertRows(model, rows >= 26 ? 5 : 2) + overhead
      : 0;
  const listed = Math.max(1, model.visible.length);
  const most = model.selected === null ? rows : Math.max(2, Math.floor(rows * 0.3) - overhead - 1);
  const head = rows < 10 ? 0 : 1;
  const above = Math.min(rows, Math.min(listed, most) + overhead + head);
  const middle = Math.max(0, rows - above - below);
  return [
    ...draw(list, columns, above),
    ...(model.selected === null ? [] : draw(detail, columns, middle)),
    ...draw(alerts, columns, below),
  ];
}

function alertRows({ alerts, document }: Model, most: number): number {
  const all = alerts.length + document.alerts.resolved.length;
  return Math.max(1, Math.min(most, all));
}
