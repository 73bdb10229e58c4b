import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ExperimentPolicy } from "../../../src/core/experiment/policy.ts";
import type { GuardrailTick } from "../../../src/core/rollout/guardrail.ts";
import type { RolloutPolicy } from "../../../src/core/rollout/policy.ts";
import { restoreRollout, saveRollout } from "../../../src/core/rollout/saved.ts";
import type {
  RolloutCommandName,
  RolloutEvent,
  RolloutState,
} from "../../../src/core/rollout/state.ts";
import { createRollout, step } from "../../../src/core/rollout/step.ts";
import { countsTick } from "../../support/guardrails.ts";
import { smallText, valid } from "../config/texts.ts";

const experiment = valid(`${smallText}    rollout:
      steps:
        - { share: 5%, hold: 10s, min_requests: 50 }
        - { share: 25%, hold: 10s, min_requests: 50, gate: approval }
        - { share: 50%, hold: 10s, min_requests: 50, gate: { webhook: "http://127.0.0.1:1" } }
        - { share: 100%, hold: 10s, min_requests: 50 }
      observe: 10s
    guardrails:
      - { metric: error_rate, max: 5% }
      - { metric: timeout_rate, max: 5%, on_breach: pause }
      - { metric: truncation_rate, max: 5%, on_breach: alert }
`).experiments["e"] as ExperimentPolicy;
const policy = experiment.rollout as RolloutPolicy;

const commandNames = [
  "start",
  "pause",
  "resume",
  "promote",
  "promote_all",
  "skip",
  "rollback",
  "abort",
  "retry",
] as const satisfies readonly RolloutCommandName[];

type Happening =
  | { readonly kind: "ticks"; readonly count: number; readonly bad: readonly number[] }
  | { readonly kind: "command"; readonly name: RolloutCommandName; readonly twice: boolean }
  | { readonly kind: "gate"; readonly step: number; readonly isOpen: boolean }
  | { readonly kind: "clock"; readonly ms: number }
  | { readonly kind: "crash" };

const happening: fc.Arbitrary<Happening> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("ticks" as const),
      count: fc.integer({ min: 1, max: 60 }),
      // Bad requests of ten, by guardrail: mostly none.
      bad: fc.array(fc.constantFrom(0, 0, 0, 0, 0, 0, 1, 10), { minLength: 3, maxLength: 3 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("command" as const),
      name: fc.constantFrom(...commandNames),
      twice: fc.boolean(),
    }),
  },
  fc.record({ kind: fc.constant("gate" as const), step: fc.nat(3), isOpen: fc.boolean() }),
  // Forwards only as a monotonic clock goes, by hours; and by what a restart makes of it.
  fc.record({ kind: fc.constant("clock" as const), ms: fc.constantFrom(1, 60_000, 36_000_000) }),
  fc.constant({ kind: "crash" } as const),
);

type Line = { readonly what: string; readonly facts: Readonly<Record<string, unknown>> };

/** A rollout that is kept as the runner keeps it: journal and state together, before anything else happens. */
class Kept {
  state: RolloutState = createRollout(policy);
  nowMs = 0;
  requests = 0;
  stored: string | null = null;
  readonly journal: Line[] = [];
  readonly log: string[] = [];

  feed(event: RolloutEvent): string | null {
    const before = this.state;
    const { next, commands, refused } = step(policy, before, event, this.nowMs);
    const lines = commands.flatMap((command) => (command.kind === "journal" ? [command] : []));
    if (lines.length > 0) {
      this.journal.push(...lines.map(({ what, facts }) => ({ what, facts })));
      this.stored = JSON.stringify(saveRollout(experiment, next, this.nowMs));
    }
    if (next.share !== before.share) this.requests = 0;
    this.state = next;
    this.log.push(
      `${event.kind} ${next.phase.kind} ${next.share} ${commands.map(({ kind }) => kind).join()}`,
    );
    return refused;
  }

  tick(bad: readonly number[] = [0, 0, 0]): void {
    this.nowMs += 250;
    this.requests += 10;
    const ticks = new Map<string, GuardrailTick>(
      policy.guardrails.map(({ name }, at) => [name, countsTick(10, bad[at] ?? 0)]),
    );
    this.feed({ kind: "tick", ticks, treated: { users: 10, requests: this.requests } });
  }

  command(name: RolloutCommandName): string | null {
    return this.feed({ kind: "command", name, actor: "ann" });
  }

  /** The process dies; another one takes up what was kept, on a clock of its own. */
  crash(): void {
    this.nowMs = 5;
    this.requests = 0;
    this.state =
      (this.stored === null
        ? null
        : restoreRollout(experiment, policy, JSON.parse(this.stored), this.nowMs)) ??
      createRollout(policy);
  }

  meet(happened: Happening): void {
    if (happened.kind === "ticks") {
      for (let at = 0; at < happened.count; at += 1) this.tick(happened.bad);
    } else if (happened.kind === "command") {
      const { share } = this.state;
      this.command(happened.name);
      const { state } = this;
      // A message that comes twice changes nothing the second time, but for those that mean one step each.
      const isStep =
        happened.name === "promote" || happened.name === "skip" || happened.name === "retry";
      if (happened.twice && !isStep) {
        this.command(happened.name);
        expect([this.state.phase, this.state.share]).toEqual([state.phase, state.share]);
      }
      if (happened.name === "rollback" || happened.name === "abort") {
        expect(this.state).toMatchObject({ share: 0, phase: { kind: "rolled_back" } });
      }
      expect(share).toBeLessThanOrEqual(1);
    } else if (happened.kind === "gate") {
      this.feed({ kind: "gate", step: happened.step, isOpen: happened.isOpen, answer: "said" });
    } else if (happened.kind === "clock") this.nowMs += happened.ms;
    else this.crash();
  }
}

const plan = new Set([0, ...policy.steps.map(({ share }) => share)]);
const phases: Readonly<Record<string, readonly RolloutState["phase"]["kind"][]>> = {
  step: ["stepping"],
  gate_opened: ["stepping"],
  gate_closed: ["stepping"],
  observing: ["observing"],
  promoted: ["promoted"],
  rolled_back: ["rolled_back"],
  paused: ["paused"],
  resumed: ["stepping", "observing"],
  alert: ["stepping", "observing", "paused"],
};

/** Phase and share as the journal alone tells them. */
function replay(journal: readonly Line[]): { kinds: readonly string[]; share: number } {
  let share = 0;
  let kinds: readonly string[] = ["waiting"];
  for (const { what, facts } of journal) {
    if (what === "step" || what === "promoted") share = Number(facts["share"]);
    if (what === "rolled_back") share = 0;
    if (what !== "skipped") kinds = phases[what] ?? [];
  }
  return { kinds, share };
}

describe("whatever happens", () => {
  it("the share is one of the plan's, the journal tells phase and share, and a crash changes neither", () => {
    fc.assert(
      fc.property(fc.array(happening, { maxLength: 40 }), (happenings) => {
        const kept = new Kept();
        for (const happened of happenings) {
          kept.meet(happened);
          const { phase, share } = kept.state;
          expect(plan.has(share)).toBe(true);
          const told = replay(kept.journal);
          expect(told.share).toBe(share);
          expect(told.kinds).toContain(phase.kind);
        }
        const { phase, share } = kept.state;
        kept.crash();
        expect([kept.state.phase.kind, kept.state.share]).toEqual([phase.kind, share]);
      }),
      { numRuns: 300 },
    );
  });

  it("rollback works from everywhere, and from there a promotion: nothing is ever stuck", () => {
    fc.assert(
      fc.property(fc.array(happening, { maxLength: 25 }), fc.boolean(), (happenings, isBack) => {
        const kept = new Kept();
        for (const happened of happenings) kept.meet(happened);
        if (isBack) {
          expect(kept.command("rollback")).toBeNull();
          expect(kept.state.share).toBe(0);
        }
        for (let second = 0; second < 600 && kept.state.phase.kind !== "promoted"; second += 1) {
          const { phase } = kept.state;
          if (phase.kind === "waiting") kept.command("start");
          if (phase.kind === "rolled_back") kept.command("retry");
          if (phase.kind === "paused") kept.command("resume");
          for (let at = 0; at < 4; at += 1) kept.tick();
          const now = kept.state.phase;
          if (now.kind === "stepping" && now.step === 1) kept.command("promote");
          if (now.kind === "stepping" && now.step === 2) {
            kept.feed({ kind: "gate", step: 2, isOpen: true, answer: "200" });
          }
        }
        expect(kept.state).toMatchObject({ share: 1, phase: { kind: "promoted" } });
      }),
      { numRuns: 60 },
    );
  });

  it("the same happenings give the same log", () => {
    fc.assert(
      fc.property(fc.array(happening, { maxLength: 30 }), (happenings) => {
        const [one, other] = [new Kept(), new Kept()];
        for (const kept of [one, other]) for (const happened of happenings) kept.meet(happened);
        expect(one.log).toEqual(other.log);
        expect(one.journal).toEqual(other.journal);
      }),
      { numRuns: 50 },
    );
  });
});
