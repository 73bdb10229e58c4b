import type { AssignmentPolicy } from "../assignment/policy.ts";
import type { LifecyclePolicy } from "./lifecycle-policy.ts";
import type { MeasurePolicy } from "./measure-policy.ts";
import type { RolloutPolicy } from "../rollout/policy.ts";

/** The experiment slice of the configuration, after validation: plain data, safe to post to a worker. */

export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

export type VariantPolicy = {
  readonly key: string;
  readonly upstream: string;
  /** Relative weight, ≥ 0; not normalised. */
  readonly weight: number;
  readonly control: boolean;
  readonly headers: {
    readonly set: Readonly<Record<string, string>>;
    readonly remove: readonly string[];
  };
  /** JSON merge patch (RFC 7396) of JSON request bodies; null leaves bodies alone. */
  readonly body: { readonly [key: string]: JsonValue } | null;
  /** Replaces the path prefix `from` by `to`; null leaves the path alone. */
  readonly path: { readonly from: string; readonly to: string } | null;
};

export type ExperimentPolicy = {
  readonly key: string;
  /** Exactly one is the control; order as written. */
  readonly variants: readonly VariantPolicy[];
  readonly assignment: AssignmentPolicy;
  /** The treatment's share, 0…1, when this is a rollout (treatment [0, share), control [share, 1)); null for an A/B experiment. */
  readonly rolloutShare: number | null;
  /** Steps that Sluice climbs by itself; null for a share that stands, and for an A/B experiment. */
  readonly rollout: RolloutPolicy | null;
  /** What an A/B experiment is to find out and when it ends; null for a rollout. */
  readonly lifecycle: LifecyclePolicy | null;
  /** The variant that answers what is not split: the control, or whom everybody was given in the end. */
  readonly primary: string;
  /** The share of split requests that a rollout's present step sends to the treatment as copies, 0…1. */
  readonly rolloutShadow: number;
  readonly measure: MeasurePolicy;
  /** Kill switch: true sends everybody to the control at once, cookies and forced variants included. */
  readonly disabled: boolean;
  readonly onUnavailable: "fail" | "control";
};
