import type { RolloutStatus } from "../../../../wire/admin-api.ts";
import { useNow } from "../../app/context.ts";
import { Card } from "../../parts/card.tsx";
import { Icon } from "../../parts/icon.tsx";
import type { IconName } from "../../parts/icon.tsx";
import { formatShare } from "../../words/numbers.ts";
import { needsOf, trackOf } from "../../words/rollout-track.ts";
import type { TrackStep } from "../../words/rollout-track.ts";

const icons: Readonly<Record<TrackStep["state"], IconName>> = {
  done: "ok",
  present: "pulse",
  paused: "pause",
  failed: "back",
  ahead: "dot",
};

const words: Readonly<Record<TrackStep["state"], string>> = {
  done: "done",
  present: "now",
  paused: "paused here",
  failed: "rolled back here",
  ahead: "to come",
};

/** The way to everybody, where the rollout stands on it, and what its next step waits for. */
export function TrackCard({ rollout }: { rollout: RolloutStatus }) {
  const { share, applied_share: applied, steps } = rollout;
  const isAtOnce = steps.length === 1 && steps[0]?.share === 1;
  return (
    <Card
      title={isAtOnce ? "Everybody at once (blue/green)" : "Steps"}
      aside={
        applied !== share && (
          <span class="muted small">
            wanted {formatShare(share)}, in force {formatShare(applied)} so far
          </span>
        )
      }
    >
      <ol class="track">
        {trackOf(rollout).map(({ key, label, detail, state }, at) => (
          <li
            key={key}
            class={`track-step track-${state}`}
            aria-current={state === "present" || state === "paused" ? "step" : undefined}
          >
            <span class="track-dot">
              <Icon name={icons[state]} />
            </span>
            <span class="track-text">
              <span class="visually-hidden">
                {key === "end" ? "At the end: " : `Step ${at + 1}: `}
              </span>
              <strong class="num">{label}</strong>
              <span class="track-state">{words[state]}</span>
              <span class="muted small">{detail}</span>
            </span>
          </li>
        ))}
      </ol>
      <Needs rollout={rollout} />
    </Card>
  );
}

function Needs({ rollout }: { rollout: RolloutStatus }) {
  const nowMs = useNow();
  const needs = needsOf(rollout, nowMs);
  if (needs.length === 0) return null;
  const next = rollout.steps[rollout.step ?? 0];
  const target =
    next === undefined
      ? "the last watch"
      : next.share === 0
        ? `copies of ${formatShare(next.shadow)}`
        : formatShare(next.share);
  return (
    <div class="needs">
      <h3>For {target}</h3>
      <ul>
        {needs.map(({ key, label, says, done, isMet }) => (
          <li key={key} class={isMet ? "need need-met" : "need"}>
            <Icon name={isMet ? "ok" : "wait"} />
            <span>
              {label}
              {isMet && <span class="visually-hidden"> (met)</span>}
            </span>
            <span class="need-bar" aria-hidden="true">
              {done !== null && <span style={{ width: `${Math.round(done * 100)}%` }} />}
            </span>
            <span class="num" dir="auto">
              {says}
            </span>
          </li>
        ))}
      </ul>
    </div>
  );
}
