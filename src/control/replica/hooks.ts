import type { Alerts } from "../alerts.ts";
import type { EpochBook } from "../epoch-book.ts";
import type { Epochs, Experiments as Policies } from "../epochs.ts";
import type { Experiments } from "../experiments.ts";
import type { Rollouts } from "../rollouts.ts";
import type { SeriesDelta } from "../../core/telemetry/snapshot.ts";
import type { ReplicaHooks } from "./replica.ts";
import { mayLead, type Sharing } from "./sharing.ts";

/** Those of the control plane whom the other replicas concern. */
export type ReplicaParts = {
  readonly sharing: Pick<Sharing, "authority">;
  readonly rollouts: Pick<Rollouts, "lead" | "adopt" | "take" | "workerGone">;
  readonly experiments: Pick<Experiments, "adopt" | "lead">;
  readonly alerts: Pick<Alerts, "adopt">;
  readonly book: EpochBook;
  /** In which epochs is routed now. */
  readonly epochs: () => Epochs;
  /** The experiments as they are to be routed. */
  readonly policies: () => Policies;
  /** Routes an experiment as it is now; in a new epoch, or in the one that there is for it. */
  readonly route: (experiment: string, isNewEpoch: boolean) => Promise<unknown>;
  /** Merges what another replica measured of experiments. */
  readonly measure: (series: readonly SeriesDelta[]) => void;
  /** Puts together anew what all replicas measured of the present epochs. */
  readonly measureAgain: () => void;
};

/** What each part does about the other replicas. `parts` is asked when something happens, not before. */
export function createReplicaHooks(parts: () => ReplicaParts): ReplicaHooks {
  function renumber(experiments: readonly string[], isNewEpoch: boolean): void {
    for (const key of experiments) void parts().route(key, isNewEpoch);
  }

  return {
    onKnown: () => renumber(Object.keys(parts().policies()), true),
    onLead() {
      parts().rollouts.lead();
      parts().experiments.lead();
    },
    onHeard() {
      const { sharing, book, epochs, policies } = parts();
      if (!mayLead(sharing)) return;
      // What was given a number that the store did not take is offered again.
      if (book.unnumbered(epochs(), policies()).length > 0) book.keep(epochs(), policies());
      renumber(book.unnumbered(epochs(), policies()), true);
    },
    onStates(changed) {
      const { experiments, rollouts, alerts, book, epochs, policies } = parts();
      for (const key of changed.get("experiment") ?? []) experiments.adopt(key);
      for (const key of changed.get("rollout") ?? []) rollouts.adopt(key);
      if (changed.has("alert")) alerts.adopt();
      if (changed.has("config")) book.adopt();
      renumber(book.behind(epochs(), policies()), false);
    },
    onTelemetry(worker, series) {
      const { measure, rollouts, epochs } = parts();
      measure(series);
      rollouts.take(worker, series, epochs());
    },
    onMissed: () => parts().measureAgain(),
    onWorkerGone: (worker) => parts().rollouts.workerGone(worker),
  };
}
