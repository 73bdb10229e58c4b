import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ChannelPolicy } from "../../../src/core/alerting/policy.ts";
import { named, noticeOf, ok, openDesk, over, silence, status, told, type Desk } from "./desk.ts";

let desk: Desk;
beforeEach(async () => (desk = await openDesk()));
afterEach(() => desk.close());

const log: ChannelPolicy = { name: "log", minSeverity: "info", target: { kind: "log" } };

describe("severity", () => {
  it.each([
    ["info", ["critical", "warning", "info"]],
    ["warning", ["critical", "warning"]],
    ["critical", ["critical"]],
  ] as const)("a channel for %s is told of %j", async (minSeverity, expected) => {
    const { notify } = desk.open({ ...desk.webhook(), minSeverity });
    for (const severity of ["critical", "warning", "info"] as const) {
      notify(noticeOf({ alert: severity, severity }));
    }
    await desk.until({ sent: expected.length, queued: 0 });
    expect(told(desk)).toEqual(expected.map((severity) => `${severity} firing`));
  });

  it("who was told that an alert fires is told its end, however grave it is by then", async () => {
    const { notify } = desk.open({ ...desk.webhook(), minSeverity: "critical" });
    notify(noticeOf());
    notify(noticeOf({ severity: "info" }));
    notify({ ...over("error_rate/e/new"), severity: "info" });
    notify(noticeOf({ severity: "info", startedAtMs: 20_000 }));
    notify(named("next"));
    await desk.until({ queued: 0 });
    await expect
      .poll(() => told(desk))
      .toEqual([
        "error_rate/e/new firing",
        "error_rate/e/new firing",
        "error_rate/e/new resolved",
        "next firing",
      ]);
  });
});

describe("its end", () => {
  it("is once everything is delivered", async () => {
    const { notify, stop } = desk.open(desk.webhook());
    for (const alert of ["a", "b", "c"]) notify(named(alert));
    expect(await stop(2000)).toBe(0);
    expect(told(desk)).toEqual(["a firing", "b firing", "c firing"]);
    expect(desk.time.pending()).toBe(0);
  });

  it("comes at its deadline, and says what was lost", async () => {
    desk.answers = [silence];
    const { notify, stop, state } = desk.open(desk.webhook(), log);
    notify(named("a"));
    notify(named("b"));
    await desk.receiver.until(1);
    const stopped = stop(2000);
    desk.time.advance(2000);
    expect(await stopped).toBe(2);
    expect(desk.logs.at(-1)).toBe(
      'error alerts not delivered before the end {"channel":"hook","lost":2}',
    );
    expect(desk.time.pending()).toBe(0);
    // What comes too late goes nowhere, and a second end is the first.
    notify(named("c"));
    expect(state().map(({ queued }) => queued)).toEqual([0, 0]);
    expect(await stop(0)).toBe(2);
  });

  it("does not wait for the time of the next attempt", async () => {
    desk.answers = [status(503, { "retry-after": "60" }), ok];
    const { notify, stop } = desk.open(desk.webhook());
    notify(named("a"));
    await desk.until({ failed: 1 });
    expect(await stop(2000)).toBe(0);
    expect(told(desk)).toEqual(["a firing", "a firing"]);
  });
});

describe("another configuration", () => {
  it("leaves alone what did not change, and begins what is new", async () => {
    desk.answers = [silence];
    const { notify, configure, state } = desk.open(desk.webhook());
    notify(named("a"));
    await desk.receiver.until(1);
    configure([desk.webhook(), log]);
    expect(state()).toMatchObject([
      { name: "hook", queued: 1 },
      { name: "log", queued: 0 },
    ]);
    notify(named("b"));
    await expect.poll(() => state().map(({ sent }) => sent)).toEqual([0, 1]);
    expect(desk.receiver.requests).toHaveLength(1);
  });

  it("that changes a channel delivers there what waited in it", async () => {
    desk.answers = [status(500)];
    const { notify, configure } = desk.open(desk.webhook());
    notify(named("a"));
    notify(named("b"));
    await desk.until({ failed: 1 });
    desk.answers = [ok];
    configure([desk.webhook({ url: `${desk.receiver.url}/right`, shape: "slack" })]);
    await desk.until({ sent: 2, queued: 0, failed: 0 });
    expect(desk.receiver.requests.map(({ url }) => url)).toEqual([
      "/services/T0SECRET",
      "/right",
      "/right",
    ]);
    expect(desk.time.pending()).toBe(0);
  });

  it("without a channel loses what waited in it, and says so", async () => {
    desk.answers = [status(500)];
    const { notify, configure, state } = desk.open(desk.webhook());
    notify(named("a"));
    await desk.until({ failed: 1 });
    configure([]);
    expect(state()).toEqual([]);
    expect(desk.logs.at(-1)).toBe(
      'warn alerts not delivered: their channel is gone {"channel":"hook","lost":1}',
    );
    expect(desk.time.pending()).toBe(0);
  });
});
