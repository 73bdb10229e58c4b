import type { ExperimentPolicy } from "../../core/experiment/policy.ts";
import type { HeaderEdits } from "../../core/traffic/forward.ts";
import type { Series } from "../../core/telemetry/recorder.ts";
import type { Arm } from "../routing.ts";

/** An arm as the receiver of copies. */
export type CopyArm = {
  readonly arm: Arm;
  /** Where copies count, apart from what users were answered. */
  readonly series: Series;
  /** The variant's header changes, and the field that tells the upstream that nobody waits. */
  readonly edits: HeaderEdits;
};

/** Whether and where the requests of an arm are copied to. */
export type CopyPlan = {
  /** Of the requests, 0…1. */
  readonly share: number;
  /** Sent with the request instead of after its answer. */
  readonly atOnce: boolean;
  /** One of them gets the copy: the control of a treatment, a treatment of the control. */
  readonly to: readonly CopyArm[];
  /** Whose answer the user gets. */
  readonly isControl: boolean;
  /** Takes what comparisons find; beside `to` where users get the control, else the user's arm. */
  readonly own: CopyArm;
  readonly sameModel: boolean | null;
};

/** Tells upstreams a copy from a request whose user waits. */
const copyField = "x-sluice-shadow";

function isControl({ arm }: CopyArm): boolean {
  return arm.variant?.control === true;
}

/** By variant, in the experiment's order; null for arms that are not copied. */
export function planCopies(
  policy: ExperimentPolicy,
  arms: readonly Arm[],
  seriesOf: (arm: Arm) => Series,
): readonly (CopyPlan | null)[] {
  const { shadow } = policy.measure;
  const controlShare = Math.max(shadow?.share ?? 0, policy.rolloutShadow);
  if (policy.disabled || controlShare === 0) return arms.map(() => null);
  const receivers = arms.map((arm): CopyArm => ({
    arm,
    series: seriesOf(arm),
    edits: {
      drop: arm.edits?.drop ?? new Set(),
      set: [...(arm.edits?.set ?? []), copyField, "true"],
    },
  }));
  const controls = receivers.filter((receiver) => isControl(receiver));
  const treatments = receivers.filter((receiver) => !isControl(receiver));
  return receivers.map((own): CopyPlan | null => {
    const share = isControl(own) ? controlShare : (shadow?.share ?? 0);
    const to = isControl(own) ? treatments : controls;
    if (share === 0 || to.length === 0) return null;
    return {
      share,
      atOnce: shadow?.when === "at_once",
      to,
      isControl: isControl(own),
      own,
      sameModel: shadow?.sameModel ?? null,
    };
  });
}
