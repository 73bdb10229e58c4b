import { describe, expect, it } from "vitest";
import {
  alertmanagerPayload,
  genericPayload,
  slackPayload,
} from "../../../src/core/alerting/notice-text.ts";
import type { AlertNotice } from "../../../src/core/alerting/notice.ts";

const firing: AlertNotice = {
  alert: "error_rate/e/new",
  status: "firing",
  kind: "error_rate",
  severity: "critical",
  experiment: "e",
  subject: "new",
  summary: "new failed <!channel> & more",
  value: 0.5,
  limit: 0.1,
  startedAtMs: 1_000,
  endedAtMs: null,
  acknowledgedBy: null,
};
const acknowledged: AlertNotice = { ...firing, status: "acknowledged", acknowledgedBy: "<ann>" };
const resolved: AlertNotice = { ...firing, status: "resolved", endedAtMs: 61_000 };
const start = "1970-01-01T00:00:01.000Z";
const end = "1970-01-01T00:01:01.000Z";

describe("the generic shape", () => {
  it("is the notice with times that people read", () => {
    expect(genericPayload(resolved)).toEqual({
      alert: "error_rate/e/new",
      status: "resolved",
      kind: "error_rate",
      severity: "critical",
      experiment: "e",
      subject: "new",
      summary: "new failed <!channel> & more",
      value: 0.5,
      limit: 0.1,
      started_at: start,
      ended_at: end,
      acknowledged_by: null,
    });
    expect(genericPayload(acknowledged)).toMatchObject({
      ended_at: null,
      acknowledged_by: "<ann>",
    });
  });
});

describe("Slack's shape", () => {
  const text = "error rate: new failed &lt;!channel&gt; &amp; more";

  it.each([
    [firing, "*critical*", "#c62828", `Sluice: since ${start}`],
    [{ ...firing, severity: "warning" }, "*warning*", "#ef6c00", `Sluice: since ${start}`],
    [{ ...firing, severity: "info" }, "*info*", "#1565c0", `Sluice: since ${start}`],
    [
      acknowledged,
      "*acknowledged*",
      "#2e7d32",
      `Sluice: since ${start}, acknowledged by &lt;ann&gt;`,
    ],
    [resolved, "*resolved*", "#2e7d32", `Sluice: since ${start} until ${end}`],
  ] as const)(
    "%#: says how it stands, and is no markup of others",
    (notice, head, color, footer) => {
      expect(slackPayload(notice)).toEqual({
        text: `${head} ${text}`,
        attachments: [{ color, fallback: `${head} ${text}`, footer }],
      });
    },
  );
});

describe("Alertmanager's shape", () => {
  const holdMs = 300_000;
  const payload = (...notices: AlertNotice[]) => alertmanagerPayload(notices, 10_000, holdMs);

  it("has labels that stay, and an end in the future while it fires", () => {
    expect(payload(acknowledged)).toEqual([
      {
        labels: {
          alertname: "sluice_error_rate",
          alert: "error_rate/e/new",
          severity: "critical",
          experiment: "e",
          subject: "new",
        },
        annotations: {
          summary: "new failed <!channel> & more",
          description: `error_rate/e/new of Sluice, since ${start}, acknowledged by <ann>`,
          value: "0.5",
          limit: "0.1",
        },
        startsAt: start,
        endsAt: "1970-01-01T00:05:10.000Z",
      },
    ]);
  });

  it("has the end of what is over", () => {
    expect(payload(firing, resolved)).toMatchObject([{}, { startsAt: start, endsAt: end }]);
  });

  it("leaves out what the alert does not have: labels and annotations are texts", () => {
    const bare = { ...firing, experiment: null, subject: null, value: null, limit: null };
    const [{ labels, annotations }] = payload(bare) as [Record<string, object>];
    expect(Object.keys(labels ?? {})).toEqual(["alertname", "alert", "severity"]);
    expect(Object.keys(annotations ?? {})).toEqual(["summary", "description"]);
  });

  it("never ends before it starts: the clock may have been set back", () => {
    const later = { ...firing, startedAtMs: 900_000 };
    expect(payload(later, { ...later, status: "resolved", endedAtMs: 5 })).toMatchObject([
      { endsAt: "1970-01-01T00:15:00.000Z" },
      { endsAt: "1970-01-01T00:15:00.000Z" },
    ]);
  });
});
