import { Button } from "../../parts/button.tsx";
import { describeMetric } from "../../words/metrics.ts";
import { fieldPaths, guardrailMetrics, newGuardrail, newStep } from "./draft.ts";
import type { Draft, DraftGuardrail, DraftStep } from "./draft.ts";
import { IssuesAt, Part, SelectField, TextField } from "./field.tsx";

type Change = (change: Partial<Draft>) => void;

/** Steps that the treatment climbs, and what takes it back. */
export function RolloutFields({ draft, change }: { draft: Draft; change: Change }) {
  const { steps, guardrails, observe } = draft;
  const setStep = (at: number, part: Partial<DraftStep>) =>
    change({ steps: steps.with(at, { ...(steps[at] ?? newStep), ...part }) });
  const setGuardrail = (at: number, part: Partial<DraftGuardrail>) =>
    change({ guardrails: guardrails.with(at, { ...(guardrails[at] ?? newGuardrail), ...part }) });
  return (
    <>
      <Part title="Steps">
        {steps.map((step, at) => (
          <StepRow
            key={at}
            step={step}
            at={at}
            set={(part) => setStep(at, part)}
            remove={steps.length > 1 ? () => change({ steps: steps.toSpliced(at, 1) }) : null}
          />
        ))}
        <IssuesAt path="rollout.steps" />
        <IssuesAt path="rollout" />
        <div class="form-row">
          <Button icon="plus" onClick={() => change({ steps: [...steps, newStep] })}>
            Add a step
          </Button>
        </div>
        <div class="form-row">
          <TextField
            path="rollout.observe"
            label="Watch the last share for"
            hint="10m"
            value={observe}
            onInput={(value) => change({ observe: value })}
          />
        </div>
      </Part>
      <Part title="Guardrails">
        {guardrails.map((guardrail, at) => (
          <GuardrailRow
            key={at}
            guardrail={guardrail}
            at={at}
            set={(part) => setGuardrail(at, part)}
            remove={() => change({ guardrails: guardrails.toSpliced(at, 1) })}
          />
        ))}
        <IssuesAt path="guardrails" />
        <div class="form-row">
          <Button icon="plus" onClick={() => change({ guardrails: [...guardrails, newGuardrail] })}>
            Add a guardrail
          </Button>
        </div>
      </Part>
    </>
  );
}

function StepRow({
  step,
  at,
  set,
  remove,
}: {
  step: DraftStep;
  at: number;
  set: (part: Partial<DraftStep>) => void;
  remove: (() => void) | null;
}) {
  const path = fieldPaths.step(at);
  const name = `step ${at + 1}`;
  return (
    <div class="form-row" role="group" aria-label={`Step ${at + 1}`}>
      <SelectField
        path={`${path}.kind`}
        label={`What ${name} gives`}
        value={step.kind}
        options={[
          ["share", "users"],
          ["shadow", "copies only"],
        ]}
        onChange={(kind) => set({ kind })}
      />
      <TextField
        path={`${path}.${step.kind}`}
        label={`Share of ${name}`}
        hint="25%"
        value={step.share}
        onInput={(share) => set({ share })}
      />
      <TextField
        path={`${path}.hold`}
        label="Hold"
        hint="5m"
        value={step.hold}
        onInput={(hold) => set({ hold })}
      />
      <TextField
        path={`${path}.min_requests`}
        label="Requests at least"
        hint="100"
        value={step.minRequests}
        onInput={(minRequests) => set({ minRequests })}
      />
      <SelectField
        path={`${path}.gate`}
        label="Gate"
        value={step.gate}
        options={[
          ["none", "none"],
          ["approval", "somebody approves"],
        ]}
        onChange={(gate) => set({ gate })}
      />
      <Remove what={name} onClick={remove} />
      <IssuesAt path={path} />
    </div>
  );
}

function GuardrailRow({
  guardrail,
  at,
  set,
  remove,
}: {
  guardrail: DraftGuardrail;
  at: number;
  set: (part: Partial<DraftGuardrail>) => void;
  remove: () => void;
}) {
  const { metric, against, value, slowerThan, onBreach } = guardrail;
  const path = fieldPaths.guardrail(at);
  const isLimit = against === "limit";
  const isTime = metric.startsWith("latency") || metric.startsWith("ttfb");
  const bound = metric === "success_rate" ? "At least" : "At most";
  return (
    <div class="form-row" role="group" aria-label={`Guardrail ${at + 1}`}>
      <SelectField
        path={`${path}.metric`}
        label="Metric"
        value={metric}
        options={guardrailMetrics.map((one) => [one, describeMetric(one)] as const)}
        onChange={(next) => set({ metric: next })}
      />
      {metric === "slow_rate" && (
        <TextField
          path={`${path}.slower_than`}
          label="Slower than"
          hint="2s"
          value={slowerThan}
          onInput={(next) => set({ slowerThan: next })}
        />
      )}
      <SelectField
        path={`${path}.against`}
        label="Held against"
        value={against}
        options={[
          ["limit", "a limit"],
          ["control", "the control"],
        ]}
        onChange={(next) => set({ against: next, value: next === "control" ? "1.5" : "" })}
      />
      <TextField
        path={`${path}.value`}
        label={isLimit ? bound : "At most times the control"}
        hint={isLimit ? (isTime ? "2s" : "5%") : "1.5"}
        value={value}
        onInput={(next) => set({ value: next })}
      />
      <SelectField
        path={`${path}.on_breach`}
        label="On breach"
        value={onBreach}
        options={[
          ["rollback", "roll back"],
          ["pause", "pause"],
          ["alert", "alert only"],
        ]}
        onChange={(next) => set({ onBreach: next })}
      />
      <Remove what={`guardrail ${at + 1}`} onClick={remove} />
      <IssuesAt path={path} />
    </div>
  );
}

/** Takes a row away. */
export function Remove({ what, onClick }: { what: string; onClick: (() => void) | null }) {
  return (
    <Button
      icon="error"
      blockedBy={onClick === null ? "One has to stay." : null}
      onClick={() => onClick?.()}
    >
      <span class="visually-hidden">Remove {what}</span>
    </Button>
  );
}
