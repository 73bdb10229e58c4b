import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { channelLimits } from "../../../src/control/notify/channel.ts";
import { LineFile } from "../../../src/control/notify/line-file.ts";
import { createNotifier, type Notifier } from "../../../src/control/notify/notifier.ts";
import type { AlertNotice } from "../../../src/core/alerting/notice.ts";
import type { ChannelPolicy } from "../../../src/core/alerting/policy.ts";
import { createFakeTime, type FakeTime } from "../../support/fake-time.ts";
import { startUpstream, type TestUpstream } from "../../support/upstream.ts";

let folder: string;
let receiver: TestUpstream;
let time: FakeTime;
let notifier: Notifier | null = null;
let logs: string[];
/** Bodies that the receiver got, in order. */
let bodies: unknown[];
/** How it answers, one after the other; the last for all that follow. */
let answers: ((outgoing: ServerResponse) => void)[];

const ok = (outgoing: ServerResponse) => void outgoing.end();
const status =
  (code: number, headers: Record<string, string> = {}) =>
  (outgoing: ServerResponse) => {
    outgoing.writeHead(code, headers);
    outgoing.end("the reason");
  };

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "sluice-notify-"));
  receiver = await startUpstream();
  time = createFakeTime();
  [logs, bodies, answers] = [[], [], [ok]];
  receiver.respond((incoming, outgoing) => void take(incoming, outgoing));
});

afterEach(async () => {
  const stopped = notifier?.stop(0);
  time.advance(1);
  await stopped;
  notifier = null;
  await receiver.close();
  rmSync(folder, { recursive: true });
});

async function take(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  let text = "";
  for await (const part of incoming) text += String(part);
  bodies.push(JSON.parse(text));
  const answer = answers.length > 1 ? answers.shift() : answers[0];
  answer?.(outgoing);
}

function open(...channels: ChannelPolicy[]): Notifier {
  notifier = createNotifier(channels, {
    ...time,
    random: { next: () => 1, hex32: () => "" },
    log: (level, message, facts) => logs.push(`${level} ${message} ${JSON.stringify(facts)}`),
  });
  return notifier;
}

type Webhook = Extract<ChannelPolicy["target"], { kind: "webhook" }>;

const webhook = (changed: Partial<Webhook> = {}): ChannelPolicy => ({
  name: "hook",
  minSeverity: "info",
  target: {
    kind: "webhook",
    url: `${receiver.url}/services/T0SECRET`,
    shape: "generic",
    headers: { authorization: "Bearer hunter2hunter2" },
    timeoutMs: 5000,
    ...changed,
  },
});

const noticeOf = (changed: Partial<AlertNotice> = {}): AlertNotice => ({
  alert: "error_rate/e/new",
  status: "firing",
  kind: "error_rate",
  severity: "critical",
  experiment: "e",
  subject: "new",
  summary: "too many <errors>",
  value: 0.5,
  limit: 0.1,
  startedAtMs: 1_000,
  endedAtMs: null,
  acknowledgedBy: null,
  ...changed,
});
const named = (alert: string) => noticeOf({ alert });

/** The channel's state as soon as it is as told. */
async function until(expected: object): Promise<void> {
  await expect.poll(() => notifier?.state()[0]).toMatchObject(expected);
}

describe("a webhook", () => {
  it("is told in order, one at a time, with its headers", async () => {
    const { notify } = open(webhook());
    for (const alert of ["a", "b", "c"]) notify(named(alert));
    await until({ sent: 3, queued: 0, failed: 0 });
    expect(bodies.map((body) => (body as { alert: string }).alert)).toEqual(["a", "b", "c"]);
    expect(receiver.requests[0]).toMatchObject({
      method: "POST",
      headers: { authorization: "Bearer hunter2hunter2", "content-type": "application/json" },
    });
    expect(bodies[0]).toMatchObject({ status: "firing", started_at: "1970-01-01T00:00:01.000Z" });
  });

  it("that fails is tried again after 1 s, 2 s, 4 s, and then tells the rest", async () => {
    answers = [status(503), status(500), status(429), ok];
    const { notify } = open(webhook());
    notify(named("a"));
    notify(named("b"));
    for (const [failed, waitMs] of [
      [1, 1000],
      [2, 2000],
      [3, 4000],
    ] as const) {
      await until({ failed });
      time.advance(waitMs - 1);
      expect(bodies).toHaveLength(failed);
      time.advance(1);
    }
    await until({ sent: 2, lastError: null });
    expect(bodies.map((body) => (body as { alert: string }).alert)).toEqual([
      "a",
      "a",
      "a",
      "a",
      "b",
    ]);
    expect(logs).toHaveLength(1);
  });

  it("is left alone for as long as it asks, within bounds", async () => {
    answers = [status(503, { "retry-after": "30" }), status(503, { "retry-after": "99999" }), ok];
    const { notify } = open(webhook());
    notify(named("a"));
    await until({ failed: 1 });
    time.advance(29_999);
    expect(bodies).toHaveLength(1);
    time.advance(1);
    await until({ failed: 2 });
    time.advance(channelLimits.retryAfterMsMax);
    await until({ sent: 1, failed: 2 });
  });

  it("that refuses is not asked again, and says why without secrets", async () => {
    answers = [status(404), ok];
    const { notify, state } = open(webhook());
    notify(named("a"));
    notify(named("b"));
    await until({ sent: 1, failed: 1, dropped: 1 });
    expect(logs[0]).toContain("it answered 404: the reason");
    expect(`${logs.join("")}${JSON.stringify(state())}`).not.toMatch(/SECRET|hunter2/);
    expect(state()[0]?.target).toBe(receiver.url);
  });

  it("is not followed elsewhere", async () => {
    answers = [status(302, { location: `${receiver.url}/other` })];
    open(webhook()).notify(named("a"));
    await until({ dropped: 1 });
    expect(receiver.requests).toHaveLength(1);
  });

  it("that never answers, or without end, does not hold others up", async () => {
    let answering: ServerResponse | null = null;
    answers = [
      (outgoing) => {
        answering = outgoing;
      },
      (outgoing) => {
        outgoing.on("error", () => {});
        const chunk = Buffer.alloc(8192, 97);
        const more = () => {
          if (!outgoing.closed) outgoing.write(chunk, () => setImmediate(more));
        };
        more();
      },
    ];
    const other = { ...webhook({ url: receiver.url }), name: "log" } as ChannelPolicy;
    const { notify, state } = open(webhook(), { ...other, target: { kind: "log" } });
    notify(named("a"));
    await receiver.until(1);
    expect(state()[1]).toMatchObject({ sent: 1 });
    time.advance(5000);
    await until({ failed: 1, lastError: "no answer within 5s" });
    expect(answering).not.toBeNull();
    time.advance(1000);
    // A status of 200 is a yes, however much follows it.
    await until({ sent: 1 });
  });

  it("gives up after its attempts, and goes on with the next", async () => {
    answers = Array.from({ length: channelLimits.attemptsMax }, () => status(500)).concat(ok);
    const { notify } = open(webhook());
    notify(named("a"));
    notify(named("b"));
    for (let attempt = 1; attempt <= channelLimits.attemptsMax; attempt += 1) {
      await until({ failed: attempt });
      const { attemptsMax, backoffMs, backoffMsMax } = channelLimits;
      if (attempt < attemptsMax)
        time.advance(Math.min(backoffMsMax, backoffMs * 2 ** (attempt - 1)));
    }
    await until({ sent: 1, dropped: 1 });
    expect(logs.at(-1)).toMatch(/^error alert not delivered /);
  });

  it("that is down keeps the newest notices, and counts the others", async () => {
    answers = [() => {}];
    const { notify, state } = open(webhook());
    for (let at = 0; at < channelLimits.queueMax + 5; at += 1) notify(named(`a${at}`));
    await receiver.until(1);
    expect(state()[0]).toMatchObject({ queued: channelLimits.queueMax, dropped: 5 });
    // What is known already is told once.
    notify(named("a99"));
    expect(state()[0]).toMatchObject({ queued: channelLimits.queueMax, dropped: 5 });
  });
});

describe("shapes", () => {
  it("Slack's text is no markup of others, and shows the end", async () => {
    const { notify } = open(webhook({ shape: "slack" }));
    notify(noticeOf());
    notify(noticeOf({ status: "resolved", endedAtMs: 9_000 }));
    await until({ sent: 2 });
    expect(bodies[0]).toMatchObject({
      text: "*critical* error rate: too many &lt;errors&gt;",
      attachments: [{ color: "#c62828" }],
    });
    expect(bodies[1]).toMatchObject({ text: expect.stringMatching(/^\*resolved\*/) });
  });

  it("Alertmanager hears of what fires every minute until it is resolved", async () => {
    const { notify } = open(webhook({ shape: "alertmanager" }));
    notify(noticeOf());
    await until({ sent: 1 });
    time.advance(channelLimits.resendEveryMs);
    await until({ sent: 2 });
    const [first] = bodies[1] as { labels: object; endsAt: string; startsAt: string }[];
    expect(first).toMatchObject({
      labels: {
        alertname: "sluice_error_rate",
        experiment: "e",
        subject: "new",
        severity: "critical",
      },
      startsAt: "1970-01-01T00:00:01.000Z",
    });
    expect(Date.parse(first?.endsAt ?? "")).toBeGreaterThan(time.clock.wallMs());
    notify(noticeOf({ status: "resolved", endedAtMs: 90_000 }));
    await until({ sent: 3 });
    expect(bodies[2]).toMatchObject([{ endsAt: "1970-01-01T00:01:30.000Z" }]);
    time.advance(5 * channelLimits.resendEveryMs);
    expect(notifier?.state()[0]).toMatchObject({ sent: 3, queued: 0 });
  });
});

describe("files and the log", () => {
  it("a line for each notice, in a folder that is made", async () => {
    const path = join(folder, "deep", "alerts.jsonl");
    const { notify } = open({ name: "f", minSeverity: "info", target: { kind: "jsonl", path } });
    notify(named("a"));
    notify(named("b"));
    await until({ sent: 2 });
    const lines = readFileSync(path, "utf8").trim().split("\n");
    expect(lines.map((line) => (JSON.parse(line) as { alert: string }).alert)).toEqual(["a", "b"]);
  });

  it("a file that cannot be written is told, and tried again", async () => {
    const target = { kind: "jsonl", path: folder } as const;
    open({ name: "f", minSeverity: "info", target }).notify(named("a"));
    await until({ failed: 1, queued: 1 });
    expect(logs[0]).toContain("EISDIR");
  });

  it("a full file is set aside, once", () => {
    const path = join(folder, "a.jsonl");
    const file = new LineFile(path, 100);
    for (let at = 0; at < 9; at += 1) file.append("x".repeat(39));
    expect(statSync(path).size).toBe(40);
    expect(statSync(`${path}.1`).size).toBe(80);
    expect(existsSync(`${path}.2`)).toBe(false);
  });

  it("less grave notices do not reach a channel that does not want them", async () => {
    const { notify, state } = open({ name: "l", minSeverity: "critical", target: { kind: "log" } });
    notify(noticeOf({ severity: "warning" }));
    notify(noticeOf());
    await until({ sent: 1 });
    expect(state()[0]?.queued).toBe(0);
    expect(logs).toEqual([expect.stringContaining("warn alert firing")]);
  });
});

describe("its end", () => {
  it("waits for what is under way, so long and no longer, and says what was lost", async () => {
    answers = [() => {}];
    const { notify, stop } = open(webhook());
    notify(named("a"));
    notify(named("b"));
    await receiver.until(1);
    const stopped = stop(2000);
    time.advance(2000);
    expect(await stopped).toBe(2);
  });

  it("another configuration keeps what waits where nothing changed", async () => {
    answers = [() => {}];
    const { notify, configure, state } = open(webhook());
    notify(named("a"));
    configure([webhook(), { name: "l", minSeverity: "info", target: { kind: "log" } }]);
    expect(state().map(({ queued }) => queued)).toEqual([1, 0]);
    configure([webhook({ timeoutMs: 1 })]);
    expect(state()).toMatchObject([{ queued: 0 }]);
  });
});
