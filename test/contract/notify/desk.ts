import { mkdtempSync, rmSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import type { ChannelState } from "../../../src/control/notify/channel.ts";
import { createNotifier, type Notifier } from "../../../src/control/notify/notifier.ts";
import type { AlertNotice } from "../../../src/core/alerting/notice.ts";
import type { ChannelPolicy } from "../../../src/core/alerting/policy.ts";
import { createFakeTime, type FakeTime } from "../../support/fake-time.ts";
import { startUpstream, type TestUpstream } from "../../support/upstream.ts";

export type Answer = (outgoing: ServerResponse) => void;
type Target<Kind> = Extract<ChannelPolicy["target"], { kind: Kind }>;

/** A real receiver, a real folder, a notifier, and a time that stands still. */
export type Desk = {
  readonly folder: string;
  readonly receiver: TestUpstream;
  readonly time: FakeTime;
  readonly logs: string[];
  /** Bodies that the receiver got, in order. */
  readonly bodies: unknown[];
  /** How it answers, one after the other; the last for all that follow. */
  answers: Answer[];
  open(...channels: ChannelPolicy[]): Notifier;
  webhook(changed?: Partial<Target<"webhook">>): ChannelPolicy;
  /** The first channel's state, as soon as it is as told. */
  until(expected: Partial<ChannelState>): Promise<void>;
  close(): Promise<void>;
};

export async function openDesk(): Promise<Desk> {
  const folder = mkdtempSync(join(tmpdir(), "sluice-notify-"));
  const receiver = await startUpstream();
  const time = createFakeTime();
  let notifier: Notifier | null = null;
  const desk: Desk = {
    folder,
    receiver,
    time,
    logs: [],
    bodies: [],
    answers: [ok],
    open(...channels) {
      notifier = createNotifier(channels, {
        ...time,
        // The longest wait that chance allows, so that times are round.
        random: { next: () => 1, hex32: () => "" },
        log: (level, message, facts) =>
          desk.logs.push(`${level} ${message} ${JSON.stringify(facts)}`),
      });
      return notifier;
    },
    webhook: (changed = {}) => ({
      name: "hook",
      minSeverity: "info",
      target: {
        kind: "webhook",
        url: `${receiver.url}/services/T0SECRET`,
        shape: "generic",
        headers: { Authorization: "Bearer hunter2hunter2" },
        timeoutMs: 5000,
        ...changed,
      },
    }),
    async until(expected) {
      const soon = { interval: 5, timeout: 15_000 };
      await expect.poll(() => notifier?.state()[0], soon).toMatchObject(expected);
    },
    async close() {
      const stopped = notifier?.stop(0);
      time.advance(1);
      await stopped;
      await receiver.close();
      rmSync(folder, { recursive: true });
    },
  };
  receiver.respond((incoming, outgoing) => void take(desk, incoming, outgoing));
  return desk;
}

async function take(desk: Desk, incoming: IncomingMessage, outgoing: ServerResponse) {
  let text = "";
  for await (const part of incoming) text += String(part);
  desk.bodies.push(JSON.parse(text));
  const answer = desk.answers.length > 1 ? desk.answers.shift() : desk.answers[0];
  answer?.(outgoing);
}

export const ok: Answer = (outgoing) => void outgoing.end();

export const silence: Answer = () => {};

export function status(
  code: number,
  headers: Record<string, string> = {},
  body = "the reason",
): Answer {
  return (outgoing) => {
    outgoing.writeHead(code, headers);
    outgoing.end(body);
  };
}

/** Bytes until the connection is gone. */
export function endless(code: number): Answer {
  return (outgoing) => {
    outgoing.on("error", () => {});
    outgoing.writeHead(code);
    const chunk = Buffer.alloc(8192, "a");
    const more = () => {
      if (!outgoing.closed) outgoing.write(chunk, () => setImmediate(more));
    };
    more();
  };
}

export function noticeOf(changed: Partial<AlertNotice> = {}): AlertNotice {
  return {
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
  };
}

export const named = (alert: string) => noticeOf({ alert });
export const over = (alert: string) => noticeOf({ alert, status: "resolved", endedAtMs: 9_000 });

/** `alert status` of every body that the receiver got. */
export function told({ bodies }: Desk): string[] {
  return bodies.map((body) => {
    const { alert, status: what } = body as AlertNotice;
    return `${alert} ${what}`;
  });
}
