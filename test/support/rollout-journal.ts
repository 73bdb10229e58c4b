import type { Phase } from "../../src/core/rollout/state.ts";

/** One line of a rollout's journal, wherever it was read. */
export type Line = {
  readonly what: string;
  readonly actor: string;
  readonly facts: Readonly<Record<string, unknown>>;
};

/** Where a journal says that its rollout stands. */
export type Stand = {
  readonly phase: Phase["kind"];
  /** From 1, also while paused in it; null before the first step and after the last. */
  readonly step: number | null;
  readonly share: number;
};

const waiting: Stand = { phase: "waiting", step: null, share: 0 };

/** Follows a whole journal over the plan's shares. Throws on the first line that cannot follow the one before. */
export function replay(journal: readonly Line[], shares: readonly number[]): Stand {
  let stand = waiting;
  let skipper: string | null = null;
  for (const [at, line] of journal.entries()) {
    const why = objection(stand, skipper, line, shares);
    if (why !== null) {
      const from = `${stand.phase}, step ${stand.step}, share ${stand.share}`;
      throw new Error(`line ${at + 1}, ${line.what} by ${line.actor}, from ${from}: ${why}`);
    }
    skipper = line.what === "skipped" ? line.actor : null;
    stand = follow(stand, line, shares);
  }
  return stand;
}

const active: ReadonlySet<string> = new Set(["stepping", "observing", "paused"]);

/** Why a line may not come here; null when it may. */
function objection(
  { phase, step, share }: Stand,
  skipper: string | null,
  { what, actor, facts }: Line,
  shares: readonly number[],
): string | null {
  const isController = actor === "controller";
  const enters = what === "step" || what === "observing";
  if (skipper !== null && !(enters && actor === skipper)) return `${skipper} skipped a step before`;
  switch (what) {
    case "step": {
      const at = Number(facts["step"]);
      if (facts["of"] !== shares.length || facts["share"] !== shares[at - 1])
        return "it is not of this plan";
      if (phase === "waiting" || phase === "rolled_back")
        return at === 1 && !isController ? null : "only a person starts, with the first step";
      if (step === null || at !== step + 1) return "steps come one after the other";
      return isController && phase !== "stepping" ? "nothing climbs by itself in a pause" : null;
    }
    case "observing":
      if (facts["share"] !== share) return "the share changed unseen";
      if (step !== shares.length) return "the last step comes first";
      return isController && phase !== "stepping" ? "nothing climbs by itself in a pause" : null;
    case "skipped":
      return step === facts["step"] && !isController ? null : "that step is not under way";
    case "paused":
      return phase === "stepping" || phase === "observing" ? null : "nothing runs";
    case "resumed":
      return phase === "paused" ? null : "nothing is paused";
    case "promoted":
      if (isController) return phase === "observing" ? null : "it was not observed";
      return phase === "promoted" || phase === "rolled_back" ? "it is over" : null;
    case "rolled_back":
      if (facts["share"] !== share) return "the share changed unseen";
      if (isController && !active.has(phase)) return "nothing is judged";
      return phase === "rolled_back" ? "it was rolled back before" : null;
    case "alert":
      return active.has(phase) ? null : "nothing is judged";
    case "gate_opened":
    case "gate_closed":
      return phase === "stepping" && facts["step"] === step ? null : "it is not this step's gate";
    default:
      return "nothing writes such a line";
  }
}

function follow(stand: Stand, { what, facts }: Line, shares: readonly number[]): Stand {
  switch (what) {
    case "step":
      return {
        phase: "stepping",
        step: Number(facts["step"]),
        share: shares[Number(facts["step"]) - 1] as number,
      };
    case "observing":
      return { ...stand, phase: "observing", step: null };
    case "paused":
      return { ...stand, phase: "paused" };
    case "resumed":
      return { ...stand, phase: stand.step === null ? "observing" : "stepping" };
    case "promoted":
      return { phase: "promoted", step: null, share: shares.at(-1) as number };
    case "rolled_back":
      return { phase: "rolled_back", step: null, share: 0 };
    default:
      return stand;
  }
}
