import type { RequestHead } from "../../core/traffic/head.ts";
import type { LostReason, MirroredWrite } from "../../wire/mirrored-write.ts";
import type { ClientConnection } from "../client/client-connection.ts";
import { requestFields } from "../copies/copy-request.ts";
import { targetOf } from "../exchange/target.ts";
import type { MirrorPlan } from "./mirror-plan.ts";
import type { SpooledWrite } from "./spool.ts";

/** A write's answer, as far as it decides whether others get the write. */
type Answered = Omit<MirroredWrite["primary"], "variant">;

/** One write that other variants get, too: on disk before its client is answered. */
export class WatchedWrite {
  readonly #client: ClientConnection;
  readonly #plan: MirrorPlan;
  readonly #variant: string;
  readonly #write: SpooledWrite;
  #isDone = false;

  constructor(client: ClientConnection, plan: MirrorPlan, variant: string, write: SpooledWrite) {
    this.#client = client;
    this.#plan = plan;
    this.#variant = variant;
    this.#write = write;
  }

  add(bytes: Buffer, start: number, end: number): void {
    this.#write.add(bytes, start, end);
  }

  /** Keeps it; resolves when it is durable, or is known to be lost. Never rejects. */
  async keep(head: RequestHead, requestId: string, answered: Answered): Promise<void> {
    if (this.#isDone) return;
    this.#isDone = true;
    const { context } = this.#client;
    const { experiment, targets } = this.#plan;
    const write = {
      experiment,
      requestId,
      atMs: context.wallMs(),
      primary: { variant: this.#variant, ...answered },
      targets: targets.map(({ arm, edits }) => ({
        variant: arm.variant?.key ?? "",
        method: head.method,
        path: targetOf(arm, head.target),
        headers: requestFields(this.#client, head, arm, edits, requestId),
      })),
    };
    const kept = await this.#write.commit(write.atMs * 1000, write);
    if ("name" in kept) context.onWrite({ kind: "kept", name: kept.name, write });
    else this.#tellLost(kept.lost, requestId, head.target);
  }

  /** The primary did not take it. */
  drop(): void {
    if (this.#isDone) return;
    this.#isDone = true;
    void this.#write.discard();
  }

  #tellLost(reason: LostReason, requestId: string, path: string): void {
    const { experiment, targets } = this.#plan;
    const variants = targets.map(({ arm }) => arm.variant?.key ?? "");
    this.#client.context.onWrite({ kind: "lost", reason, experiment, variants, requestId, path });
  }
}
