import fc from "fast-check";
import { expect, it } from "vitest";
import { restoreAlerts, saveAlerts } from "../../../src/core/alerting/saved.ts";
import {
  alertLimits,
  type AlertCommand,
  type AlertCondition,
  type AlertEvent,
  type SilenceMatcher,
} from "../../../src/core/alerting/state.ts";
import { condition, Desk, rollback } from "./desk.ts";

/** Of three kinds: one that waits and clears slowly, one that does neither, one that only clears slowly. */
const pool: readonly AlertCondition[] = [
  condition(),
  condition({ subject: "old" }),
  rollback,
  { ...rollback, experiment: "f" },
  condition({ kind: "upstream_unhealthy", experiment: null, subject: "u" }),
];
const matchers: readonly SilenceMatcher[] = [
  {},
  { kind: "rollback" },
  { experiment: "e" },
  { kind: "error_rate", subject: "new" },
];

type Happening =
  | { readonly kind: "look"; readonly conditions: readonly AlertCondition[] }
  | { readonly kind: "acknowledge"; readonly alert: string }
  | { readonly kind: "silence"; readonly id: string; readonly matcher: number; lastsMs: number }
  | { readonly kind: "unsilence"; readonly id: string }
  | { readonly kind: "wall_jump"; readonly byMs: number }
  | { readonly kind: "restart" };

const ids = ["error_rate/e/new", "rollback/e", "upstream_unhealthy/-/u", "nothing"];
const silenceIds = fc.constantFrom("s", "t");
const look = fc.record({
  kind: fc.constant("look" as const),
  // Duplicates included.
  conditions: fc.array(fc.constantFrom(...pool), { maxLength: 7 }),
});
const happening: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 6, arbitrary: look },
  fc.record({ kind: fc.constant("acknowledge" as const), alert: fc.constantFrom(...ids) }),
  fc.record({
    kind: fc.constant("silence" as const),
    id: silenceIds,
    matcher: fc.nat({ max: matchers.length - 1 }),
    lastsMs: fc.integer({ min: -1000, max: 400_000 }),
  }),
  fc.record({ kind: fc.constant("unsilence" as const), id: silenceIds }),
  fc.record({
    kind: fc.constant("wall_jump" as const),
    byMs: fc.integer({ min: -1e7, max: 1e7 }),
  }),
  fc.constant({ kind: "restart" as const }),
);
/** Most of it within a minute or two; now and then the machine slept. */
const passedMs = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom(0, 250, 30_000, 60_000, 90_000) },
  fc.constant(5_000_000),
);
const history = fc.array(fc.tuple(passedMs, happening), { maxLength: 60 });

/** What those who are told believe, and what the silences are, kept without the machine under test. */
class Witness {
  readonly desk: Desk;
  readonly silences = new Map<string, { matcher: SilenceMatcher; endsMs: number }>();
  /** First notices of the present episode, by alert. */
  readonly firstNotices = new Map<string, number>();
  /** The last notice of each alert, acknowledgements left out. */
  readonly believed = new Map<string, "firing" | "resolved">();

  constructor(repeatMs: number | null) {
    this.desk = new Desk({ repeatMs });
  }

  happen(passed: number, what: Happening): void {
    if (what.kind === "wall_jump") {
      this.desk.wallMs += what.byMs;
      return;
    }
    this.desk.nowMs += passed;
    if (what.kind === "restart") {
      this.restart();
      return;
    }
    const event = this.eventOf(what);
    const commands = this.desk.feed(event);
    this.note(event);
    for (const command of commands) this.hear(command);
    this.check();
    // Delivered twice it changes nothing, and nobody is told anything.
    const before = this.desk.state;
    expect(this.desk.feed(event)).toEqual([]);
    expect(this.desk.state).toEqual(before);
  }

  eventOf(what: Exclude<Happening, { kind: "wall_jump" | "restart" }>): AlertEvent {
    switch (what.kind) {
      case "look":
        return { kind: "observe", conditions: what.conditions };
      case "acknowledge":
        return { kind: "acknowledge", alert: what.alert, actor: "ann" };
      case "silence": {
        const matcher = matchers[what.matcher] ?? {};
        const untilMs = this.desk.atMs + what.lastsMs;
        return { kind: "silence", id: what.id, matcher, untilMs, actor: "ann", reason: "test" };
      }
      case "unsilence":
        return { kind: "unsilence", id: what.id, actor: "ann" };
    }
  }

  note(event: AlertEvent): void {
    const { nowMs, atMs } = this.desk;
    if (event.kind === "unsilence") this.silences.delete(event.id);
    if (event.kind === "silence" && event.untilMs > atMs) {
      const endsMs = nowMs + event.untilMs - atMs;
      this.silences.set(event.id, { matcher: event.matcher, endsMs });
    }
  }

  hear(command: AlertCommand): void {
    if (command.kind === "journal") {
      if (command.what === "fired") this.firstNotices.set(command.subject, 0);
      return;
    }
    const { notice } = command;
    expect(this.isSilenced(notice), `${notice.alert} was told under a silence`).toBe(false);
    if (notice.status === "acknowledged") return;
    this.believed.set(notice.alert, notice.status);
    const count = this.firstNotices.get(notice.alert) ?? 0;
    if (notice.status === "firing") this.firstNotices.set(notice.alert, count + 1);
  }

  isSilenced(alert: Pick<AlertCondition, "kind" | "experiment" | "subject">): boolean {
    return [...this.silences.values()].some(
      ({ matcher, endsMs }) =>
        endsMs > this.desk.nowMs &&
        (matcher.kind ?? alert.kind) === alert.kind &&
        (matcher.experiment ?? alert.experiment) === alert.experiment &&
        (matcher.subject ?? alert.subject) === alert.subject,
    );
  }

  check(): void {
    const { alerts, owed, resolved } = this.desk.state;
    expect(alerts.size + owed.size).toBeLessThanOrEqual(2 * pool.length);
    expect(resolved.length).toBeLessThanOrEqual(alertLimits.resolvedMax);
    for (const alert of alerts.values()) {
      if (alert.phase.kind === "pending") continue;
      const count = this.firstNotices.get(alert.id);
      const isQuiet = this.desk.policy.repeatMs === null;
      if (isQuiet) expect(count).toBeLessThanOrEqual(1);
      if (!this.isSilenced(alert)) expect(count, `${alert.id} was not told`).toBeGreaterThan(0);
    }
    for (const [id, status] of this.believed) {
      const phase = alerts.get(id)?.phase;
      if (phase?.kind === "firing" || owed.has(id)) continue;
      expect(status, `${id} is over, and nobody was told`).toBe("resolved");
    }
  }

  restart(): void {
    const stored = JSON.parse(JSON.stringify(saveAlerts(this.desk.state, this.desk.nowMs)));
    const { wallMs, nowMs } = this.desk;
    // Another process has another monotonic clock; the wall goes on.
    const shiftMs = nowMs - 7;
    this.desk.nowMs = 7;
    this.desk.wallMs = wallMs + shiftMs;
    const restored = restoreAlerts(stored, { nowMs: 7, atMs: this.desk.atMs });
    if (restored === null) throw new Error("not restored");
    this.desk.state = restored;
    this.silences.clear();
    for (const { id, matcher, endsMs } of restored.silences.values()) {
      this.silences.set(id, { matcher, endsMs });
    }
  }
}

it("tells every episode once, nothing under a silence, and is never stuck, whatever comes", () => {
  fc.assert(
    fc.property(history, fc.constantFrom(null, 120_000), (events, repeatMs) => {
      const witness = new Witness(repeatMs);
      for (const [passed, what] of events) witness.happen(passed, what);
      // Whatever it was: with every condition gone for long, all is over and everybody knows.
      const { desk } = witness;
      for (const { id } of desk.state.silences.values()) {
        witness.happen(0, { kind: "unsilence", id });
      }
      witness.happen(0, { kind: "look", conditions: [] });
      witness.happen(60_000, { kind: "look", conditions: [] });
      expect(desk.state).toMatchObject({ alerts: new Map(), owed: new Map() });
      expect([...witness.believed.values()]).not.toContain("firing");
    }),
    { numRuns: 400 },
  );
});

it("fires whatever lasts, from any state", () => {
  fc.assert(
    fc.property(history, fc.constantFrom(...pool), (events, lasting) => {
      const witness = new Witness(null);
      for (const [passed, what] of events) witness.happen(passed, what);
      witness.happen(0, { kind: "look", conditions: [lasting] });
      witness.happen(60_000, { kind: "look", conditions: [lasting] });
      const phases = Object.values(witness.desk.phases());
      expect(phases).toContain("firing");
    }),
    { numRuns: 200 },
  );
});

it("the same happenings give the same commands", () => {
  fc.assert(
    fc.property(history, (events) => {
      const run = () => {
        const witness = new Witness(120_000);
        for (const [passed, what] of events) witness.happen(passed, what);
        return [witness.desk.notices, witness.desk.journal];
      };
      expect(run()).toEqual(run());
    }),
    { numRuns: 50 },
  );
});

it("has bounded memory for any conditions at all", () => {
  const anything = fc.record<AlertCondition>({
    kind: fc.constantFrom("error_rate" as const, "rollback" as const, "power" as const),
    experiment: fc.option(fc.string()),
    subject: fc.option(fc.string({ maxLength: 2000 })),
    value: fc.option(fc.double()),
    limit: fc.option(fc.double()),
    summary: fc.string({ maxLength: 2000 }),
  });
  fc.assert(
    fc.property(fc.array(fc.array(anything), { maxLength: 20 }), (looks) => {
      const desk = new Desk();
      for (const conditions of looks) desk.look(60_000, ...conditions);
      expect(desk.state.alerts.size).toBeLessThanOrEqual(alertLimits.alertsMax);
      for (const [id, alert] of desk.state.alerts) {
        expect(id.length).toBeLessThanOrEqual(alertLimits.idLengthMax);
        expect(alert.summary.length).toBeLessThanOrEqual(alertLimits.summaryLengthMax);
      }
    }),
    { numRuns: 50 },
  );
});
