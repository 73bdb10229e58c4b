import { clusterOf, telemetryHash } from "../../core/assignment/hash.ts";

/** For whom a request was copied. */
export type CopiedUser = {
  readonly user: string | null;
  /** -1 without a user. */
  readonly userHash: number;
  readonly cluster: number;
  readonly isAnalysed: boolean;
};

export function copiedUser(user: string | null, isAnalysed: boolean): CopiedUser {
  const userHash = user === null ? -1 : telemetryHash(user);
  return { user, userHash, cluster: userHash === -1 ? -1 : clusterOf(userHash), isAnalysed };
}
