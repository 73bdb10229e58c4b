import { hostname } from "node:os";
import type { ReloadState } from "../control/reload.ts";
import type { ReplicaReport } from "../control/store/shared-store.ts";
import { realRandom } from "./system.ts";

/** Tells this process from every other, also from the one that had its name before. */
const instance = realRandom.hex32();

/** What the other replicas are told of this one. */
export function reportReplica(
  { etag }: ReloadState,
  version: string,
  startedWallMs: number,
): ReplicaReport {
  return {
    instance,
    name: hostname(),
    version,
    startedMs: Math.round(startedWallMs),
    adminUrl: null,
    configHash: etag.replaceAll('"', ""),
  };
}
