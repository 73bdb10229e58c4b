import {
  createPairComparer,
  type ComparedAnswer,
  type PairComparer,
} from "../../core/comparison/compare.ts";
import type { FailureReason } from "../../core/inspection/facts.ts";
import type { RequestHead } from "../../core/traffic/head.ts";
import { outcomes } from "../../core/traffic/outcome.ts";
import type { ComparedPair, CopySkipReason } from "../../wire/messages.ts";
import type { Capture } from "../observation/capture.ts";
import { Observer } from "../observation/observer.ts";
import type { UpstreamEndpoint } from "../upstream/upstream.ts";
import type { WorkerContext } from "../worker-context.ts";
import type { CopiedUser } from "./copied-user.ts";
import { Copy } from "./copy.ts";
import { CopyExchange, type CopyEnd, type CopyRequest } from "./copy-exchange.ts";
import type { CopyArm, CopyPlan } from "./copy-plan.ts";

/** Requests of a worker that are being copied, from the draw to the comparison; further ones are not. */
export const copiesMax = 64;
/** Pairs that may wait for the next snapshot. */
const pairsMax = 512;
/** Arms whose inputs are remembered for comparing models; each takes up to 13 MB at 4,096 dimensions. */
const comparersMax = 32;

/** Copies only what repeating does no harm; writes among the others have a class of their own. */
const copiedMethods = new Set(["GET", "HEAD", "POST", "QUERY"]);

/** Sends copies of requests to other variants and compares the answers, never in a user's way. */
export class Copier {
  readonly #context: () => WorkerContext;
  readonly #inFlight = new Set<CopyExchange>();
  readonly #comparers = new Map<string, PairComparer>();
  #pairs: ComparedPair[] = [];
  #held = 0;

  constructor(context: () => WorkerContext) {
    this.#context = context;
  }

  /** Copies that are under way, for what is in flight. */
  get inFlight(): ReadonlySet<CopyExchange> {
    return this.#inFlight;
  }

  nowMs(): number {
    return this.#context().nowMs();
  }

  /** Whether this request is copied: null for most. */
  draw(plan: CopyPlan, { method }: RequestHead): Copy | null {
    const { random } = this.#context();
    if (plan.share < 1 && random.next() >= plan.share) return null;
    if (!copiedMethods.has(method)) return this.skip("method");
    if (this.#held >= copiesMax) return this.skip("busy");
    this.#held += 1;
    const at = plan.to.length === 1 ? 0 : Math.floor(random.next() * plan.to.length);
    return new Copy(this, plan, plan.to[at] as CopyArm);
  }

  skip(reason: CopySkipReason): null {
    const { copiesSkipped } = this.#context().counters;
    copiesSkipped[reason] = (copiesSkipped[reason] ?? 0) + 1;
    return null;
  }

  release(): void {
    this.#held -= 1;
  }

  /** The endpoint for a user's copy; null when none is available. */
  pick({ arm }: CopyArm, user: string | null): UpstreamEndpoint | null {
    return arm.upstream.pick(user, this.nowMs(), null);
  }

  send(
    to: CopyArm,
    endpoint: UpstreamEndpoint | null,
    request: CopyRequest,
    looks: { readonly observer: Observer | null; readonly answer: Capture },
    onEnd: (end: CopyEnd) => void,
  ): void {
    const context = this.#context();
    const exchange = new CopyExchange(context, to, request, looks, (end) => {
      this.#inFlight.delete(exchange);
      context.recorder.endInFlight(to.series);
      onEnd(end);
    });
    this.#inFlight.add(exchange);
    context.recorder.startInFlight(to.series);
    exchange.start(endpoint);
  }

  observe(to: CopyArm, { method, target }: RequestHead): Observer | null {
    const { observation } = to.arm;
    return observation === null ? null : new Observer(this.#context(), observation, method, target);
  }

  count(to: CopyArm, method: string, end: CopyEnd, bytesIn: number, who: CopiedUser): void {
    const { recorder } = this.#context();
    const endedMs = this.nowMs();
    recorder.record(
      to.series,
      outcomes.indexOf(end.outcome),
      method,
      end.status,
      end.firstByteMs === -1 ? -1 : Math.round((end.firstByteMs - end.startedMs) * 1000),
      Math.round((endedMs - end.startedMs) * 1000),
      end.sentMs === -1 ? -1 : Math.round((endedMs - end.sentMs) * 1000),
      bytesIn,
      end.bytesOut,
      0,
      who.cluster,
      who.userHash,
      who.isAnalysed,
    );
  }

  countFailure({ series }: CopyArm, failure: FailureReason): void {
    this.#context().recorder.recordFailure(series, failure);
  }

  /** Compares two good answers, and counts what is found at the treatment's copies. */
  compare(pair: {
    readonly plan: CopyPlan;
    readonly to: CopyArm;
    readonly inputKey: number;
    readonly own: ComparedAnswer;
    readonly copied: ComparedAnswer;
    readonly cluster: number;
  }): void {
    const { recorder } = this.#context();
    const { plan, to, own, copied } = pair;
    const treatment = plan.isControl ? to : plan.own;
    const [left, right] = plan.isControl ? [own, copied] : [copied, own];
    const comparer = this.#comparerOf(treatment, plan.sameModel);
    const { metrics, refused } = comparer.compare(pair.inputKey, left, right);
    for (const [name, value] of metrics) {
      recorder.recordMetric(treatment.series, name, value, pair.cluster);
    }
    const { experiment, variant } = treatment.series.key;
    this.#pairs.push({
      experiment: experiment ?? "",
      variant: variant ?? "",
      controlMs: left.durationMs,
      treatmentMs: right.durationMs,
      refused,
    });
    if (this.#pairs.length > pairsMax) this.#pairs.shift();
  }

  /** The pairs since the last call. */
  takePairs(): readonly ComparedPair[] {
    const taken = this.#pairs;
    this.#pairs = [];
    return taken;
  }

  /** Ends all copies; nobody waits for them. */
  stop(): void {
    for (const exchange of this.#inFlight) exchange.cut();
  }

  #comparerOf({ arm, series }: CopyArm, sameModel: boolean | null): PairComparer {
    const { experiment, variant, route, epoch } = series.key;
    const key = JSON.stringify([experiment, variant, route, epoch, sameModel]);
    const known = this.#comparers.get(key);
    if (known !== undefined) return known;
    for (const oldest of this.#comparers.keys()) {
      if (this.#comparers.size < comparersMax) break;
      this.#comparers.delete(oldest);
    }
    const created = createPairComparer(arm.observation?.reader ?? null, sameModel);
    this.#comparers.set(key, created);
    return created;
  }
}
