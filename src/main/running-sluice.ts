import type { SluiceLog } from "../control/access-log.ts";
import type { CollectorView } from "../control/collector.ts";
import type { ReloadOutcome } from "../control/reload.ts";
import type { Config } from "../core/config/model.ts";
import type { RolloutCommandName } from "../core/rollout/state.ts";
import type { RolloutStatus, Status } from "../wire/admin-api.ts";

/** A running Sluice: its threads, its admin port and its reloading. */
export type Sluice = {
  readonly dataPort: number;
  readonly adminPort: number;
  readonly log: SluiceLog;
  config(): Config;
  status(): Status;
  rollouts(): readonly RolloutStatus[];
  /** Null when it was done, else why not; undefined when there is no such rollout. */
  commandRollout(
    experiment: string,
    name: RolloutCommandName,
    actor: string,
  ): string | null | undefined;
  /** What all workers have measured until now. */
  view(): CollectorView;
  /** As `POST /v1/config` does, whoever was faster. */
  reload(text: string): Promise<ReloadOutcome>;
  reloadFromFile(reason: string): Promise<ReloadOutcome>;
  /**
   * Says at once that it is not ready and serves on for `listen.drain_delay`; then takes no more connections, finishes
   * what is in flight within `listen.drain_deadline`, ends. Resolves to the exchanges cut.
   */
  drain(): Promise<number>;
  /** Ends the delay that `drain` waits for; false when it waits for none. */
  hurry(): boolean;
  /** Ends at once; may be called again, and after `drain`. */
  stop(): Promise<void>;
};
