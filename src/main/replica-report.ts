import { hostname } from "node:os";
import type { ReloadState } from "../control/reload.ts";
import type { ReplicaReport } from "../control/store/shared-store.ts";
import type { ReplicaPolicy } from "../core/config/model.ts";
import { realRandom } from "./system.ts";

/** Tells this process from every other, also from the one that had its name before. */
export const processInstance = realRandom.hex32();

/** What the other replicas are told of this one. */
export function reportReplica(
  replica: ReplicaPolicy,
  { etag }: ReloadState,
  version: string,
  startedWallMs: number,
): ReplicaReport {
  return {
    instance: processInstance,
    name: replica.name ?? hostname(),
    version,
    startedMs: Math.round(startedWallMs),
    adminUrl: replica.adminUrl,
    configHash: etag.replaceAll('"', ""),
  };
}
