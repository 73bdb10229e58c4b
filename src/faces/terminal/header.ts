import { ends, joined, line, lineWidth, span, type Line } from "./line.ts";
import type { Model } from "./model.ts";
import { bytes, count, duration, rate, span as formatSpan } from "./numbers.ts";
import { neutralise } from "./text.ts";

/** The top: whose Sluice it is, whether it can be believed, and how it is. */
export function drawHeader(model: Model, columns: number): Line[] {
  const { document, url, glyphs, role } = model;
  const { version } = document.status;
  const viewer = role === "viewer" ? [span("  read-only", "warn")] : [];
  const brand: Line = [
    span(" Sluice ", "brand"),
    span(neutralise(version), "dim"),
    span("  "),
    span(neutralise(url), "plain"),
    ...viewer,
  ];
  const gap = span(`  ${glyphs.dot}  `, "dim");
  return [
    ends(brand, liveness(model, columns), columns),
    ends(
      [span(" "), ...joined([readiness(model), configuration(model)], gap)],
      alertsNote(model),
      columns,
    ),
  ];
}

/** One line for terminals that have few. */
export function drawShortHeader(model: Model, columns: number): Line[] {
  const { status } = model.document;
  const state: Line = status.ready ? [] : [span(" not ready", "bad")];
  const firing = model.alerts.filter(({ status }) => status === "firing").length;
  const alerts: Line = firing === 0 ? [] : [span(` ${firing} firing`, "bad")];
  return [ends([span(" Sluice", "brand"), ...state, ...alerts], liveness(model, columns), columns)];
}

function liveness({ stale, ageMs, glyphs }: Model, columns: number): Line {
  if (stale === null) {
    return [span(`${glyphs.live} live`, "good"), span(` ${formatSpan(ageMs)} ago `, "dim")];
  }
  const why = columns >= 100 ? `: ${neutralise(stale.why)}` : "";
  return [
    span(`${glyphs.stale} STALE for ${formatSpan(stale.forMs)}`, "bad"),
    span(`${why} `, "dim"),
  ];
}

function readiness({ document: { status }, glyphs }: Model): Line {
  if (status.ready) return line(`${glyphs.ok} ready`, "good");
  const [reason = "no reason given"] = status.reasons;
  return line(`${glyphs.failed} not ready: ${neutralise(reason)}`, "bad");
}

function configuration({ document: { status }, nowMs }: Model): Line {
  const { generation, last_reload: last } = status.config;
  const head = span(`config ${generation}`);
  if (last === null) return [head, span(", never reloaded", "dim")];
  const ago = `${formatSpan(Math.max(0, nowMs - Date.parse(last.at)))} ago`;
  if (last.result === "applied" || last.result === "unchanged") {
    return [head, span(`, reload ${last.result} ${ago}`, "dim")];
  }
  const [issue] = last.issues;
  const why = last.message ?? (issue === undefined ? "" : `${issue.path} ${issue.message}`.trim());
  return [
    head,
    span(`, reload ${last.result} ${ago}`, "bad"),
    span(why === "" ? "" : `: ${neutralise(why)}`, "dim"),
  ];
}

function alertsNote({ alerts }: Model): Line {
  const firing = alerts.filter(({ status }) => status === "firing");
  const unseen = firing.filter(({ acknowledged_by: by }) => by === null).length;
  if (firing.length === 0) return line("no alerts ", "dim");
  const words = `${firing.length} ${firing.length === 1 ? "alert" : "alerts"} firing`;
  if (unseen === 0) return line(`${words}, seen `, "warn");
  return line(`${words} `, "bad");
}

/** How the process itself is. */
export function drawSystem({ document, glyphs }: Model, columns: number): Line {
  const { endpoints, workers, system } = document;
  const parts: Line[] = [
    [span("cpu ", "dim"), span(`${system.cpu_cores.toFixed(2)} cores`)],
    [span("mem ", "dim"), span(bytes(system.memory_bytes))],
    [span("loop p99 ", "dim"), span(duration(system.event_loop_delay_ms.p99))],
    [span("conns ", "dim"), span(count(system.connections))],
    [span("in flight ", "dim"), span(count(system.in_flight))],
    [span("req/s ", "dim"), span(rate(system.requests_per_second))],
  ];
  const all = Object.values(workers);
  const running = all.filter(({ state }) => state === "running").length;
  parts.push([
    span("workers ", "dim"),
    span(`${running}/${all.length}`, running === all.length ? "plain" : "bad"),
  ]);
  const targets = Object.values(endpoints);
  const well = targets.filter(({ healthy, ejected }) => healthy && !ejected).length;
  parts.push([
    span("upstreams ", "dim"),
    span(`${well}/${targets.length}`, well === targets.length ? "plain" : "bad"),
    span(well === targets.length ? "" : " up", "bad"),
  ]);
  if (system.store !== null) {
    const { kind, up } = system.store;
    parts.push([span("store ", "dim"), span(up ? kind : `${kind} down`, up ? "plain" : "bad")]);
  }
  if (system.replica !== null) {
    const { authority, replicas } = system.replica;
    const isCutOff = authority === "cut_off";
    const words = isCutOff ? "cut off" : authority === "lead" ? "leads" : "follows";
    parts.push([
      span("replicas ", "dim"),
      span(`${replicas.length}, this one ${words}`, isCutOff ? "bad" : "plain"),
    ]);
  }
  // What is wrong comes first; what there is no room for is left out as a whole.
  const sorted = [...parts.filter(isBad), ...parts.filter((part) => !isBad(part))];
  const shown: Line[] = [];
  let used = 1;
  for (const part of sorted) {
    used += lineWidth(part) + (shown.length === 0 ? 0 : 3);
    if (used > columns && shown.length > 0) break;
    shown.push(part);
  }
  return [span(" "), ...joined(shown, span(` ${glyphs.dot} `, "dim"))];
}

function isBad(part: Line): boolean {
  return part.some(({ tone }) => tone === "bad");
}
