import { useId, useState } from "preact/hooks";
import { useApp } from "../app/context.ts";
import { lastSpans, parseRange, printRange, rangeAt } from "../charts/time-range.ts";
import type { RangeChoice } from "../charts/time-range.ts";

/** The stretch of time that the page shows, as its address says. */
export function useRangeChoice(): readonly [RangeChoice, (choice: RangeChoice) => void] {
  const { router } = useApp();
  const choice = parseRange(router.location.value.query);
  return [choice, (next) => router.setQuery({ range: printRange(next) })];
}

/** From the last minute to all that is kept, or any other stretch. */
export function RangePicker() {
  const [choice, choose] = useRangeChoice();
  const [isOpen, setOpen] = useState(false);
  const name = useId();
  const isFixed = choice.kind === "fixed";
  return (
    <div class="range-picker">
      <fieldset class="segments">
        <legend class="visually-hidden">Stretch of time</legend>
        {Object.entries(lastSpans).map(([label, spanMs]) => (
          <label key={label}>
            <input
              type="radio"
              name={name}
              checked={choice.kind === "last" && choice.spanMs === spanMs}
              onChange={() => choose({ kind: "last", spanMs })}
            />
            {label}
          </label>
        ))}
        <label title="As far back as anything is kept">
          <input
            type="radio"
            name={name}
            checked={choice.kind === "all"}
            onChange={() => choose({ kind: "all" })}
          />
          all
        </label>
      </fieldset>
      <button
        type="button"
        class="button button-small"
        aria-expanded={isOpen}
        aria-pressed={isFixed}
        onClick={() => setOpen(!isOpen)}
      >
        From … to …
      </button>
      {isOpen && <CustomRange choice={choice} choose={choose} />}
    </div>
  );
}

function CustomRange({
  choice,
  choose,
}: {
  choice: RangeChoice;
  choose: (choice: RangeChoice) => void;
}) {
  const { live, clock } = useApp();
  const shown = rangeAt(
    choice.kind === "all" ? { kind: "last", spanMs: 86_400_000 } : choice,
    live.nowMs.peek() ?? clock.wallMs(),
  );
  const [from, setFrom] = useState(localText(shown.fromMs));
  const [to, setTo] = useState(localText(shown.toMs));
  const range = { fromMs: new Date(from).getTime(), toMs: new Date(to).getTime() };
  const isGood = range.toMs - range.fromMs >= 10_000;
  return (
    <form
      class="range-form"
      onSubmit={(event) => {
        event.preventDefault();
        if (isGood) choose({ kind: "fixed", range });
      }}
    >
      <label class="field">
        <span>From</span>
        <input
          type="datetime-local"
          step="1"
          value={from}
          onInput={(event) => setFrom(event.currentTarget.value)}
        />
      </label>
      <label class="field">
        <span>To</span>
        <input
          type="datetime-local"
          step="1"
          value={to}
          onInput={(event) => setTo(event.currentTarget.value)}
        />
      </label>
      <button type="submit" class="button" aria-disabled={!isGood}>
        Show
      </button>
      {!isGood && (
        <p class="small bad-text" role="alert">
          The end must be at least ten seconds after the start.
        </p>
      )}
    </form>
  );
}

/** As a field for local time wants it. */
function localText(atMs: number): string {
  const at = new Date(atMs);
  return new Date(atMs - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}
