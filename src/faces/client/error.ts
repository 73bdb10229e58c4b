import type { z } from "zod";
import type { issueSchema } from "../../wire/admin-api.ts";

/** One thing that is wrong with a configuration. */
export type ConfigIssue = z.output<typeof issueSchema>;

/** Why a call of the client failed. */
export class SluiceError extends Error {
  override readonly name = "SluiceError";
  /**
   * Stable; what a program may rely on. From Sluice's problem document, or one of the client's own: `bad_request`
   * (cannot be sent), `unreachable`, `timed_out`, `too_large`, `bad_answer` (none that this client knows),
   * `live_closed`, `live_silent`, `aborted`.
   */
  readonly code: string;
  /** Of the answer; null where there was none. */
  readonly status: number | null;
  /** What Sluice, or the network, says of it. */
  readonly detail: string;
  /** What is wrong with the configuration that was sent, in the order of its text; empty for other failures. */
  readonly issues: readonly ConfigIssue[];

  constructor(
    code: string,
    message: string,
    facts: {
      readonly status?: number;
      readonly detail?: string;
      readonly issues?: readonly ConfigIssue[];
      readonly cause?: unknown;
    } = {},
  ) {
    const { status = null, detail = "", issues = [], cause } = facts;
    super(
      detail === "" ? message : `${message}: ${detail}`,
      cause === undefined ? undefined : { cause },
    );
    this.code = code;
    this.status = status;
    this.detail = detail;
    this.issues = issues;
  }
}
