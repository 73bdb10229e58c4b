import { formatShare } from "../words/numbers.ts";
import { seriesLooks } from "./variant-mark.tsx";

export type SharePart = {
  readonly name: string;
  readonly configured: number;
  readonly observed: number | null;
};

/** The split as it is configured, with the observed one as a thin line below it. */
export function ShareBar({ parts }: { parts: readonly SharePart[] }) {
  const words = parts
    .map(
      ({ name, configured, observed }) =>
        `${name} ${formatShare(configured)} configured, ${observed === null ? "none observed yet" : `${formatShare(observed)} observed`}`,
    )
    .join("; ");
  return (
    <div class="share-bar" role="img" aria-label={`Split: ${words}`} title={words}>
      <Strip shares={parts.map(({ configured }) => configured)} class="share-configured" />
      <Strip shares={parts.map(({ observed }) => observed ?? 0)} class="share-observed" />
    </div>
  );
}

function Strip({ shares, class: name }: { shares: readonly number[]; class: string }) {
  return (
    <div class={name}>
      {shares.map((share, at) =>
        share > 0 ? (
          <span key={at} class={`fill-${at % seriesLooks}`} style={{ flexGrow: String(share) }} />
        ) : null,
      )}
    </div>
  );
}
