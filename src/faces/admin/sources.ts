import type { Result } from "../../base/result.ts";
import type { Past } from "../../control/past/past.ts";
import type { ReloadPreview } from "../../control/reload-preview.ts";
import type { Reloader } from "../../control/reload.ts";
import type { AdminAccess, Issue } from "../../core/config/model.ts";
import type { ExperimentCommandName } from "../../core/experiment/state.ts";
import type { RolloutCommandName } from "../../core/rollout/state.ts";
import type { Readiness, RolloutStatus, Status } from "../../wire/admin-api.ts";
import type { AlertCommandBody, AlertsStatus } from "../../wire/alerts-api.ts";
import type { UserAssignment } from "../../wire/assignment-api.ts";
import type { Comparison } from "../../wire/comparison-api.ts";
import type { ReportedMetric } from "../../wire/messages.ts";
import type { SystemStatus } from "../../wire/system-api.ts";
import type { ExperimentLifecycleStatus } from "../../wire/experiments-api.ts";
import type { AdminChange, DeniedRequest } from "./audit.ts";
import type { ReportParts } from "./report-facts.ts";

/** Everything that the admin port shows and does; the composition fills it in, tests with plain values. */
export type AdminSources = {
  /** The tokens in force; a reload may change them. */
  readonly access: () => AdminAccess;
  readonly readiness: () => Readiness;
  readonly status: () => Status;
  /** The process itself. */
  readonly system: () => SystemStatus;
  /** `accept` as the scraper wrote it. */
  readonly metrics: (accept?: string) => Promise<MetricsText> | MetricsText;
  readonly reloader: Pick<Reloader, "state" | "replace">;
  /** What `text` would do; changes nothing. */
  readonly preview: (text: string) => Result<ReloadPreview, readonly Issue[]>;
  readonly rollouts: {
    readonly list: () => readonly RolloutStatus[];
    /** Null when it was done, else why not; undefined when there is no such rollout. */
    readonly command: (
      experiment: string,
      name: RolloutCommandName,
      actor: string,
      options: { readonly reason?: string; readonly force?: boolean },
    ) => string | null | undefined;
  };
  readonly experiments: {
    readonly list: () => readonly ExperimentLifecycleStatus[];
    /** Null when it was done, else why not; undefined when there is no such A/B experiment. */
    readonly command: (
      experiment: string,
      name: ExperimentCommandName,
      actor: string,
      options: { readonly reason?: string; readonly keepUsers?: boolean },
    ) => string | null | undefined;
  };
  /** Variants of an experiment beside each other; undefined when there is none of this key. */
  readonly comparison: (experiment: string) => Comparison | undefined;
  /** What a user gets there, and why; undefined when there is no such experiment. */
  readonly assignment: (experiment: string, user: string) => UserAssignment | undefined;
  readonly past: Omit<Past, "refused">;
  readonly alerts: {
    readonly list: () => AlertsStatus;
    /** Null when it was done, else why not. */
    readonly command: (command: AlertCommandBody, actor: string) => string | null;
  };
  /** Counts metrics of one's own for finished requests; the answer is which were taken, by place. */
  readonly reportMetrics: (metrics: readonly ReportedMetric[]) => Promise<ReadonlySet<number>>;
  readonly report: ReportParts;
  /** Writes down that somebody changed something. */
  readonly changed: (change: AdminChange) => void;
  /** Counts a request that was not let in. */
  readonly denied: (request: DeniedRequest) => void;
  readonly version: string;
  /** Reports an answer 500 because of a bug. */
  readonly fault: (error: unknown) => void;
};

type MetricsText = { readonly contentType: string; readonly body: string };
