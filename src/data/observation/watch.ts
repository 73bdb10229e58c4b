import { clusterOf, telemetryHash } from "../../core/assignment/hash.ts";
import type { Outcome } from "../../core/traffic/outcome.ts";
import type { ClientConnection } from "../client/client-connection.ts";
import { copiedUser } from "../copies/copied-user.ts";
import type { Copy } from "../copies/copy.ts";
import { copyRequest } from "../copies/copy-request.ts";
import type { Choice } from "../exchange/choice.ts";
import type { Intake } from "../exchange/intake.ts";
import { WatchedWrite } from "../writes/watched-write.ts";
import { Observer } from "./observer.ts";

/** How an exchange ended. Times in monotonic milliseconds. */
export type WatchedEnd = {
  readonly outcome: Outcome;
  readonly requestId: string;
  readonly startedMs: number;
  /** When the last attempt was sent; -1 when none was. */
  readonly sentMs: number;
  readonly isRequestRead: boolean;
};

const unknownOutcomes: ReadonlySet<Outcome> = new Set([
  "proxy_error",
  "timeout",
  "truncated",
  "aborted",
]);

type Looks = {
  readonly observer: Observer | null;
  readonly copy: Copy | null;
  readonly write: WatchedWrite | null;
};

/** All that looks at an exchange besides relaying it: reads its answer, and copies it to another variant. */
export class Watch {
  readonly #client: ClientConnection;
  readonly #choice: Choice;
  readonly #intake: Intake;
  readonly #observer: Observer | null;
  readonly #copy: Copy | null;
  readonly #write: WatchedWrite | null;
  #requestId = "";
  #status = 0;
  #isCorked = false;

  private constructor(client: ClientConnection, choice: Choice, intake: Intake, looks: Looks) {
    this.#client = client;
    this.#choice = choice;
    this.#intake = intake;
    this.#observer = looks.observer;
    this.#copy = looks.copy;
    this.#write = looks.write;
    if (intake.tooLarge) looks.copy?.request.giveUp();
    if (intake.original !== null) this.addRequest(intake.original, 0, intake.original.length);
  }

  /** Null where there is nothing to look at, which is where most exchanges go. */
  static begin(client: ClientConnection, choice: Choice, intake: Intake): Watch | null {
    const { observation, copies, mirror, variant } = choice.arm;
    if (observation === null && copies === null && mirror === null) return null;
    const { context } = client;
    const { method, target } = intake.head;
    const copy = copies === null ? null : context.copier.draw(copies, intake.head);
    const observer =
      observation === null ? null : new Observer(context, observation, method, target);
    const spooled = mirror === null || context.spool === null ? null : context.spool.begin();
    const write =
      spooled === null || mirror === null
        ? null
        : new WatchedWrite(client, mirror, variant?.key ?? "", spooled);
    if (observer === null && copy === null && write === null) return null;
    return new Watch(client, choice, intake, { observer, copy, write });
  }

  /** Request content, as the client sent it. */
  addRequest(bytes: Buffer, start: number, end: number): void {
    this.#observer?.addRequest(bytes, start, end);
    this.#copy?.request.add(bytes, start, end);
    this.#write?.add(bytes, start, end);
  }

  /** The request is whole and on its way. */
  endRequest(requestId: string): void {
    this.#requestId = requestId;
    if (this.#copy?.plan.atOnce === true) this.#send(this.#copy, requestId);
  }

  beginAnswer(status: number, headers: readonly string[]): void {
    this.#status = status;
    if (this.#write !== null) {
      // Nobody hears of a write before it is on disk for the others.
      this.#isCorked = true;
      this.#client.wire.cork();
    }
    this.#observer?.beginAnswer(status, headers);
    this.#copy?.beginAnswer(headers);
  }

  addAnswer(bytes: Buffer, start: number, end: number): void {
    if (this.#isCorked && this.#client.wire.backpressured) this.#uncork();
    this.#observer?.addAnswer(bytes, start, end);
    this.#copy?.answer.add(bytes, start, end);
  }

  /** The answer came whole: `done` gets its outcome, at once or when a write that it answers is kept for the others. */
  settle(outcome: Outcome, done: (outcome: Outcome) => void): void {
    const failure = this.#observer === null ? null : this.#observer.endAnswer(true);
    const settled = failure !== null && outcome === "success" ? "bad_answer" : outcome;
    const write = this.#write;
    if (write === null || settled !== "success") {
      this.#uncork();
      return done(settled);
    }
    void this.#keepFirst(write, () => done(settled));
  }

  async #keepFirst(write: WatchedWrite, done: () => void): Promise<void> {
    const says = this.#observer?.facts.status ?? null;
    await write.keep(this.#intake.head, this.#requestId, { status: this.#status, says });
    this.#client.context.readClock();
    this.#uncork();
    done();
  }

  #uncork(): void {
    if (!this.#isCorked) return;
    this.#isCorked = false;
    this.#client.wire.uncork();
  }

  /** The exchange is over: counts what was seen, and sends the copy that waited for it. */
  end({ outcome, requestId, startedMs, sentMs, isRequestRead }: WatchedEnd): void {
    const { context } = this.#client;
    const { arm, user, enrolled } = this.#choice;
    const endedMs = context.nowMs();
    const isSuccess = outcome === "success";
    const observer = this.#observer;
    if (!isSuccess) observer?.endAnswer(false);
    const failure = observer?.facts.failure ?? null;
    if (outcome === "bad_answer" && failure !== null) {
      context.recorder.recordFailure(arm.series, failure);
    }
    if (enrolled) {
      observer?.record({
        series: arm.series,
        cluster: user === null ? -1 : clusterOf(telemetryHash(user)),
        requestId,
        startedMs,
        endedMs,
        isSuccess,
      });
    }
    this.#endWrite(outcome, requestId, isRequestRead && sentMs !== -1);
    this.#uncork();
    const copy = this.#copy;
    if (copy === null) return;
    if (!isRequestRead || outcome === "aborted") return copy.giveUp();
    copy.ownDone(isSuccess ? endedMs - sentMs : null, observer);
    this.#send(copy, requestId);
  }

  /** Who does not know what became of a write gives it to the others: the primary may have taken it. */
  #endWrite(outcome: Outcome, requestId: string, isSent: boolean): void {
    const isUnknown = isSent && unknownOutcomes.has(outcome);
    if (!isUnknown) this.#write?.drop();
    else void this.#write?.keep(this.#intake.head, requestId, { status: null, says: null });
  }

  /** The exchange goes elsewhere: nothing of it is counted here. */
  drop(): void {
    this.#copy?.giveUp();
    this.#write?.drop();
  }

  #send(copy: Copy, requestId: string): void {
    const { user, enrolled } = this.#choice;
    const { head } = this.#intake;
    copy.send(head, copiedUser(user, enrolled), (body, endpoint) =>
      copyRequest(this.#client, head, copy.to, body, endpoint, requestId),
    );
  }
}
