import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { drawFrame, paintFrame } from "../../../src/faces/terminal/frame.ts";
import { lineWidth } from "../../../src/faces/terminal/line.ts";
import type { UiState } from "../../../src/faces/terminal/ui-state.ts";
import type { LiveDocument } from "../../../src/wire/live.ts";
import { liveDocument, rollout, traffic, variant, verdict } from "./document.ts";
import { modelOf } from "./modelled.ts";

const sizes = [
  [40, 10],
  [60, 16],
  [80, 24],
  [120, 40],
  [250, 80],
] as const;

function text(document: LiveDocument, columns: number, rows: number, ui: Partial<UiState> = {}) {
  return paintFrame(modelOf(document, ui), { columns, rows }, 0).join("\n");
}

describe("any document on any terminal", { timeout: 120_000 }, () => {
  it("has no line that is too wide, and never a line too many", () => {
    fc.assert(
      fc.property(documents, sizesOfTerminals, uis, fc.boolean(), (document, size, ui, ascii) => {
        const model = modelOf(document, ui, { ascii });
        const lines = drawFrame(model, size);
        expect(lines.length).toBeLessThanOrEqual(size.rows - 1);
        for (const one of lines) expect(lineWidth(one)).toBeLessThanOrEqual(size.columns);
        for (const painted of paintFrame(model, size, 0)) {
          expect(painted).not.toMatch(/[\u0000-\u001F\u007F-\u009F\u202A-\u202E\u2066-\u2069]/);
          if (ascii) expect(painted).toMatch(/^[ -~]*$/);
        }
        for (const painted of paintFrame(model, size, 256)) {
          // Of escape sequences, colours only, and each of them is taken back.
          expect(painted.replaceAll(/\u001B\[[\d;]+m/g, "")).not.toContain("\u001B");
          expect(painted).not.toMatch(/\u001B\[(?!0m)[\d;]+m[^\u001B]*$/);
        }
      }),
      { numRuns: 200 },
    );
  });

  it("fills the height, so that nothing jumps", () => {
    for (const [columns, rows] of sizes) {
      expect(drawFrame(modelOf(liveDocument), { columns, rows })).toHaveLength(rows - 1);
    }
  });
});

describe("what is seen", () => {
  it("the essentials, even at 40 by 10", () => {
    const frame = text(liveDocument, 40, 10, { selected: "openviking_vs_smp" });
    expect(frame).toMatch(/live/);
    expect(frame).toMatch(/1 firing/);
    expect(frame).toMatch(/step 2\/4/);
    expect(frame).toMatch(/Healthy/);
    expect(frame).toMatch(/openviking +24\.9%/);
  });

  it("every verdict in words, with or without colours", () => {
    const document = withRollout({
      phase: "stepping",
      step: 1,
      verdicts: [
        verdict("a", { verdict: "ok" }),
        verdict("b", { verdict: "wait" }),
        verdict("c", { verdict: "breach", on_breach: "alert", reason: "c: 9 of 10" }),
        verdict("d", { verdict: "error", dry_run: true }),
      ],
    });
    const frame = text(document, 120, 40);
    for (const words of ["✓ ok", "… wait", "✗ BREACH", "! error (dry)", "Breach of c: 9 of 10"]) {
      expect(frame).toContain(words);
    }
  });

  it.each([
    [{ phase: "waiting" }, "Not started"],
    [{ phase: "paused", step: 1, reason: "lunch" }, "Paused: lunch"],
    [{ phase: "promoted", share: 1 }, "Promoted: new has 100% of users"],
    [{ phase: "rolled_back", reason: "too slow" }, "Rolled back to old: too slow"],
    [{ phase: "observing", share: 1, waits_for: "90s left" }, "holds for another 1m 30s"],
    [
      {
        phase: "waiting",
        preparation: {
          expected_seconds: 1500,
          findings: [{ level: "error", message: "the treatment has no healthy endpoint" }],
        },
      },
      "Not ready: the treatment has no healthy endpoint",
    ],
  ] as const)("a rollout that is %j", (fields, words) => {
    expect(text(withRollout(fields as never), 100, 30)).toContain(words);
  });

  it("an A/B experiment's decision, interval and end", () => {
    const frame = text(liveDocument, 120, 40, { selected: "chunk_size" });
    expect(frame).toContain("tokens_600 is better: latency_mean is 12.9 % lower");
    expect(frame).toMatch(/tokens_600 +better +-12\.9% +-16\.4% to -9\.1% +0\.000031/);
    expect(frame).toContain("with 5,000 users an arm");
  });

  it("a connection that is lost, and since when", () => {
    const model = modelOf(liveDocument, {}, { stale: { forMs: 75_000, why: "connect refused" } });
    const frame = paintFrame(model, { columns: 120, rows: 40 }, 0).join("\n");
    expect(frame).toContain("STALE for 1m 15s: connect refused");
    expect(frame).not.toContain("live");
  });

  it("a reload that failed, with why", () => {
    const last = {
      at: "2026-11-28T11:59:00.000Z",
      reason: "file",
      result: "invalid",
      message: null,
      issues: [{ path: "routes[0]", line: 3, column: 1, code: "x", message: "no such experiment" }],
    } as const;
    const { status } = liveDocument;
    const config = { ...status.config, last_reload: { ...last, issues: [...last.issues] } };
    const document = { ...liveDocument, status: { ...status, config } };
    expect(text(document, 120, 40)).toContain(
      "config 3, reload invalid 1m ago: routes[0] no such experiment",
    );
  });

  it("an empty system says how to begin", () => {
    const frame = text({ ...liveDocument, traffic: {}, rollouts: {}, experiments: {} }, 80, 24);
    expect(frame).toContain("No experiments yet");
    expect(frame).toContain("sluice experiment create");
  });

  it("one of fifty, with where it stands among them", () => {
    const keys = Array.from({ length: 50 }, (_, at) => `experiment_${String(at).padStart(2, "0")}`);
    const many = Object.fromEntries(keys.map((key) => [key, traffic(key, [variant("a", {})])]));
    const document = { ...liveDocument, traffic: many, rollouts: {}, experiments: {} };
    const frame = text(document, 80, 24, { selected: "experiment_30" });
    expect(frame).toContain("▌ experiment_30");
    expect(frame).toMatch(/\d+–\d+ of 50/);
    expect(text(document, 80, 24, { filter: "_4" })).toContain("▌ experiment_40");
    expect(text(document, 80, 24, { filter: "none" })).toContain("Nothing matches");
  });

  it("the process itself, where the document tells", () => {
    const { store } = liveDocument.system;
    const system = { ...liveDocument.system, store: { ...store!, up: false } };
    const frame = text({ ...liveDocument, system }, 140, 40);
    expect(frame).toContain(
      "cpu 0.31 cores · mem 183 MiB · loop p99 12.4 ms · conns 38 · in flight 9 · req/s 73.1",
    );
    expect(frame).toContain("store sqlite down");
  });

  it("help, and what the keys do", () => {
    const help = text(liveDocument, 80, 24, { view: "help" });
    for (const key of ["p  ", "r  ", "P  ", "b  ", "a  ", "/  ", "?  ", "q  Ctrl-C"]) {
      expect(help).toContain(`  ${key}`);
    }
    expect(
      paintFrame(modelOf(liveDocument, {}, { role: "viewer" }), { columns: 100, rows: 30 }, 0).join(
        "\n",
      ),
    ).toContain("read-only");
  });
});

function withRollout(fields: Parameters<typeof rollout>[1]): LiveDocument {
  const variants = [variant("old", { control: true }), variant("new", {})];
  return {
    ...liveDocument,
    traffic: { model: traffic("model", variants) },
    experiments: {},
    rollouts: { model: rollout("model", fields) },
  };
}

const name = fc.oneof(
  fc.string({ unit: "binary", minLength: 1, maxLength: 60 }),
  fc.string({ unit: "grapheme", minLength: 1, maxLength: 200 }),
  fc.constantFrom(
    "model",
    "模型模型模型",
    "نموذج طويل جدا",
    "👩‍💻👍🏽🇩🇪",
    "\u001B[2J\u001B[H",
    "a\r\nb\t",
  ),
);
const number = fc.oneof(fc.double({ min: 0, noNaN: true }), fc.nat(), fc.constant(0));
const share = fc.double({ min: 0, max: 1, noNaN: true });
const maybe = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: null });

const someVariant = fc
  .record({
    key: name,
    control: fc.boolean(),
    share,
    requests: fc.nat(),
    rate: number,
    ms: maybe(number),
  })
  .map(({ key, control, share, requests, rate, ms }) =>
    variant(key, {
      control,
      configured_share: share,
      requests,
      requests_per_second: rate,
      latency_ms: ms === null ? null : { p50: ms, p95: ms, p99: ms },
    }),
  );

type Phase = LiveDocument["rollouts"][string]["phase"];

const someRollout = fc
  .record({
    phase: fc.constantFrom<Phase>(
      "waiting",
      "stepping",
      "observing",
      "paused",
      "promoted",
      "rolled_back",
    ),
    step: maybe(fc.integer({ min: 1, max: 40 })),
    share,
    reason: maybe(name),
    waits: maybe(fc.oneof(name, fc.constant("90s left"))),
    steps: fc.array(share, { maxLength: 40 }),
    guardrails: fc.array(fc.record({ name, value: maybe(number), reason: name }), { maxLength: 8 }),
    actor: name,
  })
  .map(({ phase, step, share, reason, waits, steps, guardrails, actor }) =>
    rollout("x", {
      phase,
      step,
      share,
      reason,
      waits_for: waits,
      steps: steps.map((to) => ({
        share: to,
        shadow: 0,
        hold_seconds: 1,
        min_requests: 0,
        min_users: 0,
        gate: "none" as const,
      })),
      verdicts: guardrails.map(({ name, value, reason }, at) =>
        verdict(name, {
          value,
          reason,
          verdict: (["ok", "breach", "wait", "error"] as const)[at % 4]!,
        }),
      ),
      journal: [{ at: "2026-11-28T12:00:00.000Z", what: "step", actor, facts: { reason: actor } }],
    }),
  );

const documents: fc.Arbitrary<LiveDocument> = fc
  .array(
    fc.record({
      key: name,
      variants: fc.array(someVariant, { maxLength: 5 }),
      rollout: maybe(someRollout),
    }),
    { maxLength: 8 },
  )
  .chain((entries) =>
    fc
      .record({ summary: name, alerts: fc.nat({ max: 6 }), ready: fc.boolean() })
      .map((more): LiveDocument => {
        const changed = {
          status: { ...liveDocument.status, ready: more.ready, reasons: [more.summary] },
          traffic: Object.fromEntries(
            entries.map(({ key, variants }) => [key, traffic(key, variants)]),
          ),
          rollouts: Object.fromEntries(
            entries.flatMap(({ key, rollout }) => (rollout === null ? [] : [[key, rollout]])),
          ),
          alerts: {
            ...liveDocument.alerts,
            alerts: Object.fromEntries(
              Array.from({ length: more.alerts }, (_, at) => {
                const [alert] = Object.values(liveDocument.alerts.alerts);
                return [
                  `${at}`,
                  Object.assign({}, alert, { alert: `${at}`, summary: more.summary }),
                ];
              }),
            ),
          },
        };
        return Object.assign({}, liveDocument, changed);
      }),
  );

const sizesOfTerminals = fc.record({
  columns: fc.integer({ min: 1, max: 260 }),
  rows: fc.integer({ min: 1, max: 90 }),
});

const uis: fc.Arbitrary<Partial<UiState>> = fc.record({
  view: fc.constantFrom("overview", "detail", "help"),
  focus: fc.constantFrom("experiments", "alerts"),
  scroll: fc.nat({ max: 60 }),
  filter: fc.constantFrom("", "", "m"),
  isFiltering: fc.boolean(),
  message: maybe(
    name.map((words) => ({ text: words.replaceAll(/[^ -~]/g, "?"), tone: "bad" as const })),
  ),
});
