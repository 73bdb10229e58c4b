import { useState } from "preact/hooks";
import { ApiError, wordsOf } from "../app/api.ts";
import { saveResponse } from "../app/download.ts";
import { useApp, useLive } from "../app/context.ts";
import { Page } from "../app/page.tsx";
import { linkTo } from "../app/router.ts";
import { rangeAt } from "../charts/time-range.ts";
import { Button } from "../parts/button.tsx";
import { Card, EmptyState, Failure, Loading } from "../parts/card.tsx";
import { RangePicker, useRangeChoice } from "../parts/range-picker.tsx";

const formats = [
  { format: "html", name: "HTML", says: "one page to read and to print, charts included" },
  { format: "pdf", name: "PDF", says: "the same, to send around" },
  { format: "md", name: "Markdown", says: "for a ticket or a wiki" },
  { format: "csv", name: "CSV", says: "the numbers, zipped: summary, time series, histogram" },
  { format: "json", name: "JSON", says: "everything, for programs" },
] as const;

type Format = (typeof formats)[number]["format"];

/** A language model may have to be waited for. */
const reportWithinMs = 90_000;

/** Reports of experiments as files. */
export function ReportsPage() {
  const { router } = useApp();
  const listed = useLive((document) => JSON.stringify(Object.keys(document.traffic)));
  const keys = JSON.parse(listed ?? "[]") as string[];
  const wanted = router.location.value.query.get("experiment");
  const experiment = wanted !== null && keys.includes(wanted) ? wanted : (keys[0] ?? "");
  return (
    <Page title="Reports">
      {listed === undefined && <Loading what="the experiments" />}
      {listed !== undefined && keys.length === 0 && (
        <EmptyState title="There is no experiment to report on.">
          <a href={linkTo("new")}>New experiment</a>
        </EmptyState>
      )}
      {keys.length > 0 && (
        <Card title="What happened, and what follows from it">
          <div class="stack">
            <label class="field report-experiment">
              <span>Experiment</span>
              <select
                value={experiment}
                onChange={(event) => router.setQuery({ experiment: event.currentTarget.value })}
              >
                {keys.map((key) => (
                  <option key={key} value={key}>
                    {key}
                  </option>
                ))}
              </select>
            </label>
            <div>
              <p class="muted small">Stretch of time</p>
              <RangePicker />
            </div>
            <Formats experiment={experiment} />
          </div>
        </Card>
      )}
    </Page>
  );
}

function Formats({ experiment }: { experiment: string }) {
  const { api, live, clock, toasts } = useApp();
  const [choice] = useRangeChoice();
  const [busy, setBusy] = useState<Format | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  const download = async (format: Format) => {
    setBusy(format);
    setFailure(null);
    const { fromMs, toMs } = rangeAt(choice, live.nowMs.peek() ?? clock.wallMs());
    const query = new URLSearchParams({
      format,
      from: new Date(fromMs).toISOString(),
      to: new Date(toMs).toISOString(),
    });
    const path = `v1/experiments/${encodeURIComponent(experiment)}/report?${query.toString()}`;
    try {
      const name = await saveResponse(await api.send(path, {}, reportWithinMs), `report.${format}`);
      toasts.show("good", `${name} is downloaded.`);
    } catch (error) {
      const isUnknown = error instanceof ApiError && error.code === "bad_query";
      setFailure(isUnknown ? `This Sluice makes no such report: ${error.message}` : wordsOf(error));
    }
    setBusy(null);
  };
  return (
    <>
      <ul class="formats">
        {formats.map(({ format, name, says }) => (
          <li key={format} class="format">
            <Button
              icon="file"
              blockedBy={busy === null ? null : "A report is being made."}
              onClick={() => void download(format)}
            >
              {busy === format ? "Being made …" : `Download ${name}`}
            </Button>
            <span class="muted small">{says}</span>
          </li>
        ))}
      </ul>
      {failure !== null && <Failure says={failure} />}
    </>
  );
}
