import { useLive, useNow } from "../../app/context.ts";
import { linkTo } from "../../app/router.ts";
import { countOf, formatNumber } from "../../words/numbers.ts";
import { formatSpan } from "../../words/time.ts";

/** Sluice itself, in a line. */
export function SystemLine() {
  const status = useLive(({ status }) => status);
  const rate = useLive(({ traffic }) =>
    Math.round(
      Object.values(traffic)
        .flatMap(({ variants }) => Object.values(variants))
        .reduce((sum, variant) => sum + variant.requests_per_second, 0),
    ),
  );
  const workers = useLive(
    ({ workers }) => Object.values(workers).filter(({ state }) => state === "running").length,
  );
  const endpoints = useLive(({ endpoints }) => {
    const all = Object.values(endpoints);
    const good = all.filter(({ healthy, ejected }) => healthy && !ejected).length;
    return good === all.length
      ? `all ${countOf(all.length, "endpoint")} healthy`
      : `${all.length - good} of ${countOf(all.length, "endpoint")} not healthy`;
  });
  const nowMs = useNow();
  if (status === undefined) return null;
  const { version, started_at: startedAt, config } = status;
  const reload = config.last_reload;
  const isReloadBad =
    reload !== null && reload.result !== "applied" && reload.result !== "unchanged";
  return (
    <p class="system-line muted small">
      <a href={linkTo("system")}>Sluice {version}</a>
      <span>up for {nowMs === null ? "–" : formatSpan(nowMs - Date.parse(startedAt))}</span>
      <span>{formatNumber(rate)} requests/s in experiments</span>
      <span>{countOf(workers ?? 0, "worker")} running</span>
      <span>{endpoints}</span>
      <span class={isReloadBad ? "bad-text" : undefined}>
        configuration {config.generation}
        {isReloadBad && `, last reload ${reload.result}`}
      </span>
    </p>
  );
}
