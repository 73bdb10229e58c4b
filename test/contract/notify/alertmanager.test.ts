import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { channelLimits } from "../../../src/control/notify/channel.ts";
import { firingLimits } from "../../../src/control/notify/firing-alerts.ts";
import { senderLimits } from "../../../src/control/notify/sender.ts";
import { named, noticeOf, ok, openDesk, over, status, type Desk } from "./desk.ts";

let desk: Desk;
beforeEach(async () => (desk = await openDesk()));
afterEach(() => desk.close());

type Posted = {
  readonly labels: { readonly alert: string; readonly severity: string };
  readonly startsAt: string;
  readonly endsAt: string;
};
const posted = () => desk.bodies as (readonly Posted[])[];
const names = () => posted().map((body) => body.map(({ labels }) => labels.alert).join(" "));
const alertmanager = () => desk.webhook({ shape: "alertmanager" });
const many = (count: number) => Array.from({ length: count }, (_, at) => named(`a${at}`));
const { resendEveryMs } = channelLimits;

describe("Alertmanager", () => {
  it("hears every minute what fires, until it is over", async () => {
    const { notify } = desk.open(alertmanager());
    notify(noticeOf());
    await desk.until({ sent: 1 });
    desk.time.advance(resendEveryMs - 1);
    await desk.until({ sent: 1, queued: 0 });
    desk.time.advance(1);
    await desk.until({ sent: 2 });
    expect(posted()[1]).toEqual([
      {
        labels: {
          alertname: "sluice_error_rate",
          alert: "error_rate/e/new",
          severity: "critical",
          experiment: "e",
          subject: "new",
        },
        annotations: {
          summary: "too many <errors>",
          description: expect.stringContaining("error_rate/e/new"),
          value: "0.5",
          limit: "0.1",
        },
        startsAt: "1970-01-01T00:00:01.000Z",
        endsAt: new Date(resendEveryMs + senderLimits.holdMs).toISOString(),
      },
    ]);
    notify(noticeOf({ status: "resolved", endedAtMs: 90_000 }));
    await desk.until({ sent: 3 });
    expect(posted()[2]).toMatchObject([{ endsAt: "1970-01-01T00:01:30.000Z" }]);
    desk.time.advance(5 * resendEveryMs);
    await desk.until({ sent: 3, queued: 0 });
  });

  it("hears of several at once, but of none twice in one request", async () => {
    const { notify } = desk.open(alertmanager());
    for (const alert of ["a", "b", "c"]) notify(named(alert));
    notify(over("b"));
    notify(named("d"));
    await desk.until({ sent: 5, queued: 0 });
    expect(names()).toEqual(["a", "b c", "b d"]);
    desk.time.advance(resendEveryMs);
    await desk.until({ sent: 8 });
    expect(names().at(-1)).toBe("a c d");
  });

  it("that is down is not swamped by what is sent again", async () => {
    desk.answers = [status(500)];
    const { notify } = desk.open(alertmanager());
    notify(named("a"));
    for (let failed = 1; failed < 9; failed += 1) {
      await desk.until({ failed });
      desk.time.advance(resendEveryMs);
    }
    await desk.until({ failed: 9, queued: 1 });
    desk.answers = [ok];
    desk.time.advance(resendEveryMs);
    await desk.until({ sent: 2, queued: 0, dropped: 0 });
    expect(names()).toEqual(Array.from({ length: 11 }, () => "a"));
  });

  it("that misses what is sent again hears it in the next minute, not before", async () => {
    const { notify } = desk.open(alertmanager());
    notify(named("a"));
    await desk.until({ sent: 1 });
    desk.answers = [status(500), ok];
    desk.time.advance(resendEveryMs);
    await desk.until({ failed: 1, queued: 0, dropped: 0 });
    desk.time.advance(resendEveryMs - 1);
    await desk.until({ sent: 1, failed: 1 });
    desk.time.advance(1);
    await desk.until({ sent: 2, failed: 1 });
    expect(desk.logs).toEqual([expect.stringMatching(/^warn alert not sent again /)]);
  });

  it("that fails is spared the rest of the round", async () => {
    const { restore } = desk.open(alertmanager());
    restore(many(senderLimits.batchMax + 1));
    desk.answers = [status(500), ok];
    desk.time.advance(resendEveryMs);
    await desk.until({ failed: 1 });
    desk.time.advance(resendEveryMs);
    await desk.until({ sent: senderLimits.batchMax + 1 });
    expect(posted().map(({ length }) => length)).toEqual([50, 50, 1]);
  });

  it("does not hear that an alert fires after it heard of its end", async () => {
    const { batchMax } = senderLimits;
    const { restore, notify } = desk.open(alertmanager());
    const last = `a${batchMax}`;
    restore(many(batchMax + 2));
    desk.answers = [
      (outgoing) => {
        notify(over(last));
        outgoing.end();
      },
      ok,
    ];
    desk.time.advance(resendEveryMs);
    await desk.until({ sent: batchMax + 2, queued: 0 });
    expect(names().slice(1)).toEqual([last, `a${batchMax + 1}`]);
  });

  it("that is configured no more hears nothing more", async () => {
    const { restore, configure } = desk.open(alertmanager());
    restore([named("a")]);
    configure([]);
    expect(desk.time.pending()).toBe(0);
  });

  it("hears the end under the severity that it knows", async () => {
    const { notify } = desk.open({ ...alertmanager(), minSeverity: "critical" });
    notify(noticeOf());
    notify(noticeOf({ status: "resolved", endedAtMs: 9_000, severity: "warning" }));
    await desk.until({ sent: 2 });
    expect(posted()[1]).toMatchObject([{ labels: { severity: "critical" } }]);
  });

  it("does not hear again what is not grave enough", async () => {
    const { notify } = desk.open({ ...alertmanager(), minSeverity: "critical" });
    notify(noticeOf({ alert: "a", severity: "warning" }));
    notify(named("b"));
    await desk.until({ sent: 1 });
    desk.time.advance(resendEveryMs);
    await desk.until({ sent: 2 });
    expect(names()).toEqual(["b", "b"]);
  });

  it("goes on to hear, after a restart or a reload, what fired before", async () => {
    const { restore, configure, state } = desk.open(alertmanager());
    restore([named("a")]);
    desk.time.advance(resendEveryMs);
    await desk.until({ sent: 1 });
    configure([{ ...alertmanager(), name: "another" }]);
    desk.time.advance(resendEveryMs);
    await desk.until({ name: "another", sent: 1 });
    expect(state()).toHaveLength(1);
    expect(names()).toEqual(["a", "a"]);
  });

  it("does not hear again of what is over by the word of another replica", async () => {
    const { notify, restore } = desk.open({ ...alertmanager(), minSeverity: "critical" });
    notify(named("a"));
    notify(named("b"));
    await desk.until({ sent: 2, queued: 0 });
    restore([noticeOf({ alert: "b", severity: "info" })]);
    desk.time.advance(resendEveryMs);
    await desk.until({ sent: 3 });
    restore([]);
    desk.time.advance(resendEveryMs);
    notify(named("c"));
    await desk.until({ sent: 4, queued: 0 });
    expect(names()).toEqual(["a", "b", "b", "c"]);
  });

  it("hears again from one replica only, also in the middle of a round", async () => {
    const { batchMax } = senderLimits;
    const { restore, resendWhile, notify } = desk.open(alertmanager());
    let isOurs = true;
    resendWhile(() => isOurs);
    restore(many(batchMax + 1));
    desk.answers = [
      (outgoing) => {
        isOurs = false;
        outgoing.end();
      },
      ok,
    ];
    desk.time.advance(resendEveryMs);
    await desk.until({ sent: batchMax });
    desk.time.advance(resendEveryMs);
    notify(named("next"));
    await desk.until({ sent: batchMax + 1, queued: 0 });
    isOurs = true;
    desk.time.advance(resendEveryMs);
    await desk.until({ sent: 2 * batchMax + 3, queued: 0 });
    expect(posted().map(({ length }) => length)).toEqual([batchMax, 1, batchMax, 2]);
  });

  it("is sent again as many as are remembered", async () => {
    const { restore } = desk.open(alertmanager());
    const { alertsMax: firingMax } = firingLimits;
    const [, ...others] = many(firingMax + 1);
    const seen = noticeOf({ alert: "a0", status: "acknowledged", acknowledgedBy: "ann" });
    restore([seen, ...others]);
    desk.time.advance(resendEveryMs);
    await desk.until({ sent: firingMax });
    expect(posted().map(({ length }) => length)).toEqual(
      Array.from({ length: firingMax / senderLimits.batchMax }, () => senderLimits.batchMax),
    );
    expect(names().join(" ")).not.toContain(`a${firingMax}`);
    expect(JSON.stringify(posted()[0]?.[0])).toContain("acknowledged by ann");
  });
});
