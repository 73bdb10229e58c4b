import { hash } from "node:crypto";
import type { ComparedAnswer } from "../../core/comparison/compare.ts";
import { headerValue, type RequestHead } from "../../core/traffic/head.ts";
import type { Endpoint } from "../../core/traffic/policy.ts";
import { Capture } from "../observation/capture.ts";
import type { Observer } from "../observation/observer.ts";
import type { CopiedUser } from "./copied-user.ts";
import type { Copier } from "./copier.ts";
import type { CopyRequest } from "./copy-exchange.ts";
import type { CopyArm, CopyPlan } from "./copy-plan.ts";

/** Larger requests are not copied. */
export const copyRequestBytesMax = 1024 * 1024;
/** Of larger answers only times and tokens are compared. */
const copyAnswerBytesMax = 512 * 1024;

/** Makes the request of its body for an endpoint; null where that cannot be. */
type CopyMaker = (body: Buffer, endpoint: Endpoint) => CopyRequest | null;

/** One request that is copied: keeps its body and the answer that the user got until the copy is answered, too. */
export class Copy {
  readonly request = new Capture(copyRequestBytesMax);
  /** The answer that the user gets. */
  readonly answer = new Capture(copyAnswerBytesMax);
  readonly plan: CopyPlan;
  readonly to: CopyArm;
  readonly #copier: Copier;
  /** Null until it is there; "none" when there is nothing to compare. */
  #own: ComparedAnswer | "none" | null = null;
  #copied: ComparedAnswer | "none" | null = null;
  #isSent = false;
  #cluster = -1;
  #inputKey = 0;

  constructor(copier: Copier, plan: CopyPlan, to: CopyArm) {
    this.#copier = copier;
    this.plan = plan;
    this.to = to;
  }

  /** The user's answer begins. */
  beginAnswer(headers: readonly string[]): void {
    if (headerValue(headers, "content-encoding") !== undefined) this.answer.giveUp();
  }

  /** Sends the copy, once. */
  send(head: RequestHead, who: CopiedUser, requestOf: CopyMaker): void {
    if (this.#isSent) return;
    this.#isSent = true;
    const { body } = this.request;
    const endpoint = this.#copier.pick(this.to, who.user);
    const shown = endpoint ?? this.to.arm.upstream.endpoints[0];
    const request = body === null || shown === undefined ? null : requestOf(body, shown.endpoint);
    if (body === null || request === null) {
      this.#copier.skip(body === null ? "too_large" : "unreadable");
      return this.#copyDone("none");
    }
    this.#cluster = who.cluster;
    this.#inputKey = Number.parseInt(hash("md5", body, "hex").slice(0, 8), 16);
    const answer = new Capture(copyAnswerBytesMax);
    const observer = this.#copier.observe(this.to, head);
    observer?.addRequest(body, 0, body.length);
    const sentMs = this.#copier.nowMs();
    this.#copier.send(this.to, endpoint, request, { observer, answer }, (end) => {
      const endedMs = this.#copier.nowMs();
      const isSuccess = end.outcome === "success";
      this.#copier.count(this.to, head.method, end, body.length, who);
      const failure = observer?.facts.failure ?? null;
      if (failure !== null) this.#copier.countFailure(this.to, failure);
      if (who.isAnalysed) {
        observer?.record({
          series: this.to.series,
          cluster: who.cluster,
          requestId: "",
          startedMs: sentMs,
          endedMs,
          isSuccess,
        });
      }
      const durationMs = endedMs - (end.sentMs === -1 ? sentMs : end.sentMs);
      this.#copyDone(isSuccess ? comparedAnswer(answer, durationMs, observer) : "none");
    });
  }

  /** The user's answer is over; null when it was no good one, or the request is given up. */
  ownDone(durationMs: number | null, observer: Observer | null): void {
    this.#own = durationMs === null ? "none" : comparedAnswer(this.answer, durationMs, observer);
    this.#finish();
  }

  /** The request was not finished: there is nothing to copy. */
  giveUp(): void {
    if (!this.#isSent) {
      this.#isSent = true;
      this.#copier.skip("unfinished");
      this.#copied = "none";
    }
    this.ownDone(null, null);
  }

  #copyDone(copied: ComparedAnswer | "none"): void {
    this.#copied = copied;
    this.#finish();
  }

  #finish(): void {
    const own = this.#own;
    const copied = this.#copied;
    if (own === null || copied === null) return;
    this.#copier.release();
    if (own === "none" || copied === "none") return;
    const { plan, to } = this;
    const pair = { plan, to, inputKey: this.#inputKey, own, copied, cluster: this.#cluster };
    this.#copier.compare(pair);
  }
}

function comparedAnswer(
  answer: Capture,
  durationMs: number,
  observer: Observer | null,
): ComparedAnswer {
  const facts = observer?.facts ?? null;
  return {
    body: answer.body?.toString("utf8") ?? null,
    durationMs,
    tokensIn: facts?.tokensIn ?? null,
    tokensOut: facts?.tokensOut ?? null,
  };
}
