import { expect, it } from "vitest";
import { changesOf, factsOf } from "../../../src/faces/terminal/changes.ts";
import type { LiveDocument } from "../../../src/wire/live.ts";
import { liveDocument } from "./document.ts";

function changes(change: (document: LiveDocument) => void, experiment: string | null = null) {
  const after = structuredClone(liveDocument);
  change(after);
  return changesOf(factsOf(liveDocument, experiment), factsOf(after, experiment));
}

const key = "openviking_vs_smp";

it("tells everything at first", () => {
  expect(changesOf(null, factsOf(liveDocument, null))).toEqual([
    "sluice: ready",
    "sluice: config 3, reload applied",
    "by_region: split, east 34%, west 33%, north 33%; Split only: nothing is judged",
    expect.stringMatching(/^chunk_size: running, tokens_1200 50%, tokens_600 50%; tokens_600 is/),
    "openviking_vs_smp: step 2/4, openviking 25%; Healthy: holds for another 3m 4s",
    expect.stringMatching(/^openviking_vs_smp: error_rate ok, 0.4% of 5%/),
    expect.stringMatching(/^openviking_vs_smp: latency_p95 ok/),
    expect.stringMatching(/^openviking_vs_smp: latency_mean wait/),
    expect.stringMatching(/^reranker: rolled back, with 0%; Rolled back to without: error_rate/),
    "alert firing: critical reranker has no healthy endpoint: 1 of 1 is down",
  ]);
});

it("is silent about numbers that go on", () => {
  expect(
    changes(({ rollouts, traffic }) => {
      Object.assign(rollouts[key]!, { users: 400, requests: 9000, waits_for: "12s left" });
      Object.assign(traffic[key]!.variants["smp"]!, { requests: 9, requests_per_second: 1 });
      rollouts[key]!.verdicts[0]!.value = 0.01;
    }),
  ).toEqual([]);
});

it.each<[string, (document: LiveDocument) => void, string[]]>([
  [
    "a step",
    ({ rollouts }: LiveDocument) =>
      void Object.assign(rollouts[key]!, { step: 3, share: 0.5, waits_for: "600s left" }),
    ["openviking_vs_smp: step 3/4, openviking 50% (25% in force); Healthy: holds for another 10m"],
  ],
  [
    "a rollback",
    ({ rollouts }: LiveDocument) =>
      void Object.assign(rollouts[key]!, {
        phase: "rolled_back",
        step: null,
        share: 0,
        applied_share: 0,
        reason: "wrong answers",
      }),
    ["openviking_vs_smp: rolled back, openviking 0%; Rolled back to smp: wrong answers"],
  ],
  [
    "a verdict",
    ({ rollouts }: LiveDocument) =>
      void Object.assign(rollouts[key]!.verdicts[2]!, { verdict: "ok", reason: "fine" }),
    ["openviking_vs_smp: latency_mean ok, 212 ms of 250 ms; fine"],
  ],
  [
    "an acknowledgement",
    ({ alerts }: LiveDocument) =>
      void Object.assign(Object.values(alerts.alerts)[0]!, { acknowledged_by: "ann" }),
    [
      "alert firing, acknowledged by ann: critical reranker has no healthy endpoint: 1 of 1 is down",
    ],
  ],
  [
    "an alert's end",
    ({ alerts }: LiveDocument) => void (alerts.alerts = {}),
    ["alert over: critical reranker has no healthy endpoint: 1 of 1 is down"],
  ],
  [
    "an experiment that is gone",
    ({ traffic }: LiveDocument) => void delete traffic["by_region"],
    ["by_region: gone"],
  ],
  [
    "readiness",
    ({ status }: LiveDocument) =>
      void Object.assign(status, { ready: false, reasons: ["a worker\u001B[2J starts"] }),
    ["sluice: not ready: a worker�[2J starts"],
  ],
])("tells of %s", (_, change, lines) => {
  expect(changes(change)).toEqual(lines);
});

it("keeps to one experiment where one is named", () => {
  expect(changesOf(null, factsOf(liveDocument, "reranker"))).toHaveLength(1);
  expect(changes(({ status }) => void (status.ready = false), "reranker")).toEqual([]);
});
