import { signal } from "@preact/signals";
import { render } from "preact";
import { AppContext } from "../../../src/faces/dashboard/app/context.ts";
import type { App } from "../../../src/faces/dashboard/app/context.ts";
import { TimeChart } from "../../../src/faces/dashboard/charts/time-chart.tsx";
import type { ChartData } from "../../../src/faces/dashboard/charts/chart-model.ts";
import { createLiveStore } from "../../../src/faces/dashboard/live/live-store.ts";
import { browserClock, browserTimers } from "../../../src/faces/dashboard/system.ts";

/** The dashboard's own chart with as much as it is meant to bear: new points come in at its end, old ones leave. */

const query = new URLSearchParams(location.search);
const lines = Number(query.get("lines"));
const points = Number(query.get("points"));
const hertz = Number(query.get("hertz"));
const stepMs = 1000 / hertz;

/** The same in every run, and uneven enough that no line can be drawn by a shortcut. */
function valueOf(line: number, at: number): number {
  const noise = ((at * 7919 + line * 104_729) % 1000) / 1000;
  return 50 + line * 6 + 10 * Math.sin(at / 60 + line) + 5 * noise;
}

const startMs = Date.UTC(2026, 10, 28);
const columns = Array.from({ length: lines }, (_, line) =>
  Array.from({ length: points }, (_, at) => valueOf(line, at)),
);
let atMs = Array.from({ length: points }, (_, at) => startMs + at * stepMs);
let next = points;

function take(): ChartData {
  atMs = [...atMs.slice(1), startMs + next * stepMs];
  for (const [line, column] of columns.entries()) {
    columns[line] = [...column.slice(1), valueOf(line, next)];
  }
  next += 1;
  return {
    atMs,
    lines: columns.map((values, look) => ({
      key: String(look),
      label: `line ${look}`,
      look,
      values,
    })),
    range: { fromMs: atMs[0] as number, toMs: atMs.at(-1) as number },
  };
}

const data = signal(take());
const app = {
  timers: browserTimers,
  clock: browserClock,
  live: createLiveStore(browserClock, browserTimers),
  theme: { theme: signal("light") },
} as unknown as App;

function Bench() {
  return <TimeChart title="Bench" unit="ms" data={data.value} height={320} />;
}

document.documentElement.dataset["theme"] = "light";
render(
  <AppContext.Provider value={app}>
    <Bench />
  </AppContext.Provider>,
  document.querySelector("#app") as HTMLElement,
);
let updates = 0;
browserTimers.every(stepMs, () => {
  data.value = take();
  updates += 1;
  document.body.dataset["updates"] = String(updates);
});
