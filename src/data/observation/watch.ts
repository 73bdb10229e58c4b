import { clusterOf, telemetryHash } from "../../core/assignment/hash.ts";
import type { FailureReason } from "../../core/inspection/facts.ts";
import type { Outcome } from "../../core/traffic/outcome.ts";
import type { ClientConnection } from "../client/client-connection.ts";
import { copiedUser } from "../copies/copied-user.ts";
import type { Copy } from "../copies/copy.ts";
import { copyRequest } from "../copies/copy-request.ts";
import type { Choice } from "../exchange/choice.ts";
import type { Intake } from "../exchange/intake.ts";
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

/** All that looks at an exchange besides relaying it: reads its answer, and copies it to another variant. */
export class Watch {
  readonly #client: ClientConnection;
  readonly #choice: Choice;
  readonly #intake: Intake;
  readonly #observer: Observer | null;
  readonly #copy: Copy | null;

  private constructor(
    client: ClientConnection,
    choice: Choice,
    intake: Intake,
    looks: { readonly observer: Observer | null; readonly copy: Copy | null },
  ) {
    this.#client = client;
    this.#choice = choice;
    this.#intake = intake;
    this.#observer = looks.observer;
    this.#copy = looks.copy;
    if (intake.tooLarge) looks.copy?.request.giveUp();
    else if (intake.original !== null) this.addRequest(intake.original, 0, intake.original.length);
  }

  /** Null where there is nothing to look at, which is where most exchanges go. */
  static begin(client: ClientConnection, choice: Choice, intake: Intake): Watch | null {
    const { observation, copies } = choice.arm;
    if (observation === null && copies === null) return null;
    const { context } = client;
    const { method, target } = intake.head;
    const copy = copies === null ? null : context.copier.draw(copies, intake.head);
    const observer =
      observation === null ? null : new Observer(context, observation, method, target);
    if (observer === null && copy === null) return null;
    return new Watch(client, choice, intake, { observer, copy });
  }

  /** Request content, as the client sent it. */
  addRequest(bytes: Buffer, start: number, end: number): void {
    this.#observer?.addRequest(bytes, start, end);
    this.#copy?.request.add(bytes, start, end);
  }

  /** The request is whole and on its way. */
  endRequest(requestId: string): void {
    if (this.#copy?.plan.atOnce === true) this.#send(this.#copy, requestId);
  }

  beginAnswer(status: number, headers: readonly string[]): void {
    this.#observer?.beginAnswer(status, headers);
    this.#copy?.beginAnswer(headers);
  }

  addAnswer(bytes: Buffer, start: number, end: number): void {
    this.#observer?.addAnswer(bytes, start, end);
    this.#copy?.answer.add(bytes, start, end);
  }

  /** Says why a whole answer was a bad one; null when it was none. */
  endAnswer(): FailureReason | null {
    return this.#observer === null ? null : this.#observer.endAnswer(true);
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
    const copy = this.#copy;
    if (copy === null) return;
    if (!isRequestRead || outcome === "aborted") return copy.giveUp();
    copy.ownDone(isSuccess ? endedMs - sentMs : null, observer);
    this.#send(copy, requestId);
  }

  /** The exchange goes elsewhere: nothing of it is counted here. */
  drop(): void {
    this.#copy?.giveUp();
  }

  #send(copy: Copy, requestId: string): void {
    const { user, enrolled } = this.#choice;
    const { head } = this.#intake;
    copy.send(head, copiedUser(user, enrolled), (body, endpoint) =>
      copyRequest(this.#client, head, copy.to, body, endpoint, requestId),
    );
  }
}
