import type { DataFault } from "../fault.ts";
import type {
  Change,
  Decision,
  DecisionFacts,
  DecisionPolicy,
  Gate,
  GuardrailFacts,
  Outcome,
} from "./facts.ts";
import { describeChange, formatNumber, formatPercent, formatSize } from "./words.ts";

/**
 * What the data say, asked in the order in which a mistake costs most: is the split what was planned; is a guardrail
 * broken; is the primary metric's change beyond what counts; and if not, could it have been seen? Shipping needs every
 * gate to pass.
 */
export function decide(facts: DecisionFacts, policy: DecisionPolicy): Decision {
  const primary = judgePrimary(facts, policy);
  const sampleRatio = judgeSampleRatio(facts, policy);
  const guardrails = judgeGuardrails(facts, policy);
  const power = judgePower(facts, policy, primary.finding);
  const gates = [sampleRatio, guardrails, primary.gate, power];
  const blocking = gates.find(({ verdict }) => verdict !== "pass");
  const blockedBy = blocking?.name ?? null;
  return { outcome: outcomeOf(gates, primary.finding, facts), gates, blockedBy };
}

/** What the primary metric's interval says by itself. */
type Finding =
  | "better"
  | "worse"
  | "alike"
  /** It differs, but perhaps by less than what counts. */
  | "near"
  /** It may differ in either direction. */
  | "unclear";

function outcomeOf(gates: readonly Gate[], finding: Finding, facts: DecisionFacts): Outcome {
  const [sampleRatio, guardrails, , power] = gates as [Gate, Gate, Gate, Gate];
  if (sampleRatio.verdict === "fail") return "invalid";
  if (guardrails.verdict === "fail") return "control_wins";
  // A fixed-sample interval counts at the planned look only.
  if (isEarly(facts)) return "keep_running";
  if (finding === "worse") return "control_wins";
  if (finding === "alike") return "no_difference";
  if (finding === "better")
    return guardrails.verdict === "pass" ? "treatment_wins" : "keep_running";
  if (finding === "near") return "keep_running";
  const couldSee = power.verdict === "pass" && facts.sample.required !== null;
  return couldSee ? "no_difference" : "keep_running";
}

function judgeSampleRatio({ sampleRatio }: DecisionFacts, policy: DecisionPolicy): Gate {
  const alpha = policy.sampleRatioAlpha ?? 0.001;
  const name = "sample_ratio";
  if (sampleRatio === null) {
    return {
      name,
      verdict: "pass",
      reason: "not checked: no split was told",
      saw: { p_value: null },
    };
  }
  const { pValue } = sampleRatio;
  const saw = { p_value: pValue, alpha };
  const p = formatNumber(pValue);
  if (pValue >= alpha) {
    return {
      name,
      verdict: "pass",
      reason: `the arms have the shares that were planned (p = ${p})`,
      saw,
    };
  }
  const reason = `the arms do not have the shares that were planned (p = ${p}): who is measured depends on the arm, so no comparison is valid`;
  return { name, verdict: "fail", reason, saw };
}

function judgeGuardrails({ guardrails, treatment }: DecisionFacts, policy: DecisionPolicy): Gate {
  const judged = guardrails.map((guardrail) => judgeGuardrail(guardrail, treatment, policy));
  const name = "guardrails";
  const saw = Object.fromEntries(judged.map(({ metric, verdict }) => [metric, verdict]));
  if (judged.length === 0) return { name, verdict: "pass", reason: "there are none", saw };
  const worst =
    judged.find(({ verdict }) => verdict === "fail") ??
    judged.find(({ verdict }) => verdict === "wait");
  if (worst !== undefined) return { name, verdict: worst.verdict, reason: worst.reason, saw };
  const reason = judged.map((each) => each.reason).join("; ");
  return { name, verdict: "pass", reason, saw };
}

function judgeGuardrail(
  { change, margin }: GuardrailFacts,
  treatment: string,
  { confidence }: DecisionPolicy,
): { metric: string; verdict: Gate["verdict"]; reason: string } {
  if (isFault(change)) return { metric: "guardrail", verdict: "wait", reason: change.message };
  const { metric } = change;
  const [least, most] = worsening(change);
  const allowed = `${formatSize(margin, change)} worse`;
  const words = describeChange(change, treatment, confidence);
  if (least > margin)
    return { metric, verdict: "fail", reason: `${words}: surely more than ${allowed}` };
  if (most <= margin)
    return { metric, verdict: "pass", reason: `${words}: surely at most ${allowed}` };
  return { metric, verdict: "wait", reason: `${words}: more than ${allowed} is not ruled out` };
}

function judgePrimary(
  facts: DecisionFacts,
  { minEffectSize, confidence }: DecisionPolicy,
): { gate: Gate; finding: Finding } {
  const { primary, treatment } = facts;
  const name = "primary";
  if (isFault(primary)) {
    const gate: Gate = {
      name,
      verdict: "wait",
      reason: primary.message,
      saw: { fault: primary.code },
    };
    return { gate, finding: "unclear" };
  }
  const [least, most] = worsening(primary);
  const words = describeChange(primary, treatment, confidence);
  const size = formatSize(minEffectSize, primary);
  const saw = {
    metric: primary.metric,
    estimate: primary.estimate,
    low: primary.interval.low,
    high: primary.interval.high,
    min_effect_size: minEffectSize,
  };
  const gate = (verdict: Gate["verdict"], ending: string): Gate => ({
    name,
    verdict,
    reason: `${words}${ending}`,
    saw,
  });
  const beyond = minEffectSize === 0 ? "" : ` by more than the ${size} asked for`;
  if (most < -minEffectSize) return { gate: gate("pass", `: better${beyond}`), finding: "better" };
  if (least > minEffectSize) return { gate: gate("fail", `: worse${beyond}`), finding: "worse" };
  if (minEffectSize > 0 && least >= -minEffectSize && most <= minEffectSize) {
    const real = most < 0 ? ": better, but" : least > 0 ? ": worse, but" : ": alike, and";
    return { gate: gate("fail", `${real} by less than the ${size} that counts`), finding: "alike" };
  }
  const open =
    most < 0
      ? `: better, but not surely by the ${size} asked for`
      : least > 0
        ? `: worse, but not surely by ${size}`
        : ": may be better, the same or worse";
  return { gate: gate("wait", open), finding: most < 0 || least > 0 ? "near" : "unclear" };
}

function judgePower(facts: DecisionFacts, policy: DecisionPolicy, finding: Finding): Gate {
  const { units, unit, planned, required } = facts.sample;
  const name = "power";
  const saw = { units, planned, required };
  if (isEarly(facts)) {
    const reason = `${count(units)} of the ${count(planned ?? 0)} ${unit} planned for the smaller arm: a fixed-sample interval counts only at the planned size`;
    return { name, verdict: "wait", reason, saw };
  }
  if (finding === "near") {
    const reason = "the change is close to the smallest one that counts: only more data can tell";
    return { name, verdict: "wait", reason, saw };
  }
  if (finding !== "unclear") {
    return { name, verdict: "pass", reason: "the primary metric is decided", saw };
  }
  if (required === null) {
    const reason = "without a smallest effect that counts, more data may always find one";
    return { name, verdict: "wait", reason, saw };
  }
  const effect = formatSize(
    policy.minEffectSize,
    isFault(facts.primary) ? { unit: "share" } : facts.primary,
  );
  const power = formatPercent(policy.power);
  if (units >= required) {
    const reason = `a change of ${effect} would have been found with a chance of ${power} (${count(units)} ${unit} in the smaller arm), and was not`;
    return { name, verdict: "pass", reason, saw };
  }
  const reason = `to find a change of ${effect} with a chance of ${power} the smaller arm needs ${count(required)} ${unit} and has ${count(units)}`;
  return { name, verdict: "wait", reason, saw };
}

function count(value: number): string {
  return Math.ceil(value).toLocaleString("en-US");
}

function isEarly({ valid, sample }: DecisionFacts): boolean {
  return valid === "fixed" && sample.planned !== null && sample.units < sample.planned;
}

/** The change's interval turned so that more is worse. */
function worsening({ direction, interval }: Change): [least: number, most: number] {
  return direction === "lower" ? [interval.low, interval.high] : [-interval.high, -interval.low];
}

function isFault(change: Change | DataFault): change is DataFault {
  return "code" in change;
}
