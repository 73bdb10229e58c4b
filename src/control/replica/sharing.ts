import type { JournalScope } from "../../core/experiment/journal.ts";
import type { JsonValue } from "../../core/experiment/policy.ts";
import type { StoreFault } from "../store/store.ts";

/**
 * What this replica may decide: the leader everything; one that follows only what lowers the risk, and what people tell
 * it; one that is cut off from the store nothing but what lowers the risk.
 */
export type Authority = "lead" | "follow" | "cut_off";

/** What a runner of decisions needs to know where several replicas decide. */
export type Sharing = {
  authority(): Authority;
  /** False until the replicas' states were read for the first time. */
  isKnown(): boolean;
  /** The newest state that is known of the store; undefined when there is none. */
  latest(scope: JournalScope, subject: string): JsonValue | undefined;
};

/** Whether what raises the risk may be decided here: alone, or as the leader. */
export function mayLead(sharing: Pick<Sharing, "authority"> | undefined): boolean {
  return sharing === undefined || sharing.authority() === "lead";
}

/** Another replica was faster: what was decided rests on a state that is none any more. */
export function isOutdated({ code }: Pick<StoreFault, "code">): boolean {
  return code === "conflict" || code === "fenced";
}

/** How often a person's command is tried again on what another replica has made of the state meanwhile. */
export const outdatedTriesMax = 3;

export const cutOffReason =
  "this replica cannot reach the store that it shares with the others: only what lowers the risk (pause, rollback, abort) can be done here";

export const foreignReason =
  "the replicas are at a rollout of another configuration than this one's file: give all of them the same file, or command one that has the other";
