import { useEffect, useRef, useState } from "preact/hooks";
import type { History } from "../../../../wire/history-api.ts";
import { useApp } from "../../app/context.ts";
import { columnsOf } from "../../charts/history-columns.ts";
import { Sparkline } from "../../parts/sparkline.tsx";
import { createTurns } from "../../parts/turns.ts";

/** Two minutes, one value a second. */
const samplesShown = 120;
/** Rates that the page sees are over so many seconds; the past is made like them. */
const rateSeconds = 10;
/** Fifty cards do not ask all at once. */
const takeTurn = createTurns(2);

type Past = { readonly toMs: number; readonly rates: Readonly<Record<string, readonly number[]>> };

/** Requests per second of each variant: what Sluice remembers, and then what the page sees. */
export function RateLine({ experiment, keys }: { experiment: string; keys: readonly string[] }) {
  const { recent } = useApp();
  const box = useRef<HTMLDivElement>(null);
  const past = usePast(experiment, box);
  // Read, so that each new sample draws it anew.
  void recent.lastMs.value;
  const lines = keys.map((key, at) => {
    const seen = recent.samples(experiment, key);
    const firstMs = seen[0]?.atMs ?? Number.POSITIVE_INFINITY;
    const old = past?.rates[key] ?? [];
    const missing = past === null ? 0 : Math.max(0, Math.round((past.toMs - firstMs) / 1000));
    const rates = [...old.slice(0, old.length - missing), ...seen.map((one) => one.perSecond)];
    return { at, values: rates.slice(-samplesShown) };
  });
  return (
    <div ref={box}>
      <Sparkline
        lines={lines}
        length={samplesShown}
        label={`Requests per second of ${experiment} in the last two minutes`}
      />
    </div>
  );
}

/** The last two minutes from Sluice's memory, asked for once, when the card comes into view; without it the line begins now. */
function usePast(experiment: string, box: { readonly current: Element | null }): Past | null {
  const { api, live } = useApp();
  const [past, setPast] = useState<Past | null>(null);
  useEffect(() => {
    const abort = new AbortController();
    const ask = async () => {
      const nowMs = live.nowMs.peek();
      if (nowMs === null || abort.signal.aborted) return;
      const range = {
        from: new Date(nowMs - samplesShown * 1000).toISOString(),
        to: new Date(nowMs).toISOString(),
        points: samplesShown,
      };
      const path = `v1/experiments/${encodeURIComponent(experiment)}/history`;
      const history = await api.get<History>(path, range, abort.signal);
      if (!abort.signal.aborted) setPast(pastOf(history, nowMs));
    };
    const observer = new IntersectionObserver(([entry]) => {
      if (entry?.isIntersecting !== true) return;
      observer.disconnect();
      // Only an ornament: without it nothing is missing that a message would be worth.
      takeTurn(ask).catch(() => undefined);
    });
    if (box.current !== null) observer.observe(box.current);
    return () => {
      observer.disconnect();
      abort.abort();
    };
  }, [experiment]);
  return past;
}

/** A value for each second up to the last whole one, each over the seconds before it. */
function pastOf(history: History, nowMs: number): Past {
  const { atMs, variants } = columnsOf(history, nowMs);
  const stepMs = history.step_seconds * 1000;
  const toMs = (atMs.at(-1) ?? nowMs) + stepMs;
  const fromMs = atMs[0] ?? toMs;
  const seconds = Math.max(0, Math.round((toMs - fromMs) / 1000));
  const rates = Object.entries(variants).map(([key, { perSecond }]): [string, number[]] => {
    const each = Array.from({ length: seconds }, () => 0);
    for (const [at, value] of perSecond.entries()) {
      const start = Math.round(((atMs[at] as number) - fromMs) / 1000);
      each.fill(value ?? 0, start, start + history.step_seconds);
    }
    return [
      key,
      each.map((_, at) => meanOf(each.slice(Math.max(0, at - rateSeconds + 1), at + 1))),
    ];
  });
  return { toMs, rates: Object.fromEntries(rates) };
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
