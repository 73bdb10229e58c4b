import { seriesDashes, seriesLooks } from "../parts/variant-mark.tsx";
import { VariantMark } from "../parts/variant-mark.tsx";
import { formatMs, formatShare } from "../words/numbers.ts";
import { outlineOf, sharesOf, spanOf, ticksOf } from "./distribution-model.ts";
import type { Histogram } from "./distribution-model.ts";

export type DistributionLine = Histogram & {
  readonly label: string;
  readonly look: number;
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
};

const size = { width: 1000, height: 220 };

/** How long answers took, all of them: one outline a variant over the same logarithmic axis. */
export function Distribution({
  title,
  lines,
}: {
  title: string;
  lines: readonly DistributionLine[];
}) {
  const span = spanOf(lines);
  const [first] = lines;
  if (span === null || first === undefined) {
    return <p class="muted">Nothing was measured in this time.</p>;
  }
  const shares = lines.map((line) => sharesOf(line, span));
  const most = Math.max(...shares.flat());
  const words = lines
    .map(
      ({ label, p50Ms, p95Ms }) =>
        `${label}: half within ${formatMs(p50Ms)}, 95 % within ${formatMs(p95Ms)}`,
    )
    .join("; ");
  return (
    <figure class="distribution">
      <svg
        viewBox={`0 0 ${size.width} ${size.height}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`${title}. ${words}.`}
      >
        {lines.map(({ label, look }, at) => (
          <path
            key={label}
            class={`distribution-line fill-line-${look % seriesLooks}`}
            d={outlineOf(shares[at] as number[], most * 1.05, size)}
            stroke-dasharray={(seriesDashes[look % seriesLooks] ?? []).join(" ")}
          />
        ))}
      </svg>
      <div class="distribution-axis" aria-hidden="true">
        {ticksOf(first.boundsMs, span).map(({ ms, at }) => (
          <span key={ms} style={{ insetInlineStart: `${(at * 100).toFixed(2)}%` }}>
            {formatMs(ms)}
          </span>
        ))}
      </div>
      <figcaption class="distribution-caption">
        <ul class="legend">
          {lines.map(({ label, look }) => (
            <li key={label} class="legend-item">
              <VariantMark at={look} />
              <bdi class="name" title={label}>
                {label}
              </bdi>
            </li>
          ))}
        </ul>
        <span class="muted small">highest bucket {formatShare(most)} of requests</span>
      </figcaption>
    </figure>
  );
}
