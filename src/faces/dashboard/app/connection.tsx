import { Icon } from "../parts/icon.tsx";
import { formatMoment, formatSpan } from "../words/time.ts";
import { useApp, useNow } from "./context.ts";

/** In the head of the page: whether what is shown is live. */
export function ConnectionMark() {
  const { kind } = useApp().live.connection.value;
  const words = { connecting: "Connecting …", live: "Live", stale: "Not live" }[kind];
  return (
    <span class={`connection connection-${kind}`}>
      <span class="connection-dot" aria-hidden="true" />
      {words}
    </span>
  );
}

/** Says since when what is shown is old, and that it is being mended. */
export function ConnectionBanner() {
  const { live, retryNow } = useApp();
  const connection = live.connection.value;
  const isStale = connection.kind === "stale";
  return (
    <div role="status" class={isStale ? "banner banner-warn" : "visually-hidden"}>
      {isStale && (
        <>
          <Icon name="breach" />
          <p>
            <strong>Not live.</strong>{" "}
            {connection.sinceMs === null ? (
              "Sluice has not said anything yet. "
            ) : (
              <>
                Everything below is as of {formatMoment(connection.sinceMs)}
                <StaleFor sinceMs={connection.sinceMs} />.{" "}
              </>
            )}
            Reconnecting: {connection.reason}.
          </p>
          <button type="button" class="button" onClick={retryNow}>
            Try now
          </button>
        </>
      )}
    </div>
  );
}

function StaleFor({ sinceMs }: { sinceMs: number }) {
  const nowMs = useNow();
  return nowMs === null ? null : (
    <span aria-hidden="true"> ({formatSpan(nowMs - sinceMs)} ago)</span>
  );
}
