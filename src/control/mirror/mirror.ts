import { join } from "node:path";
import type { Clock, Random, Timers } from "../../base/clock.ts";
import { divergenceOf, isFinal, type Divergence } from "../../core/mirror/divergence.ts";
import type { UpstreamPolicy } from "../../core/traffic/policy.ts";
import { mirrorLimits, type MirroredWrite } from "../../wire/mirrored-write.ts";
import type { SupervisorLog } from "../worker-slot.ts";
import { WriteSender, type WriteTarget } from "./delivery.ts";
import { Divergences, type DivergentWrite, type VariantDivergences } from "./divergences.ts";
import { VariantLine, type Attempted } from "./line.ts";
import { divergencesFile, WaitingWrites, type WaitingWrite } from "./waiting-writes.ts";

/** How often the folder is looked through for writes that a worker kept and died before it told. */
const lookMs = 10_000;

/** How far one variant is behind the primary, and where it differs. */
export type MirrorView = VariantDivergences & {
  readonly experiment: string;
  readonly variant: string;
  readonly queued: number;
  /** Of the oldest that waits; 0 when none does. */
  readonly oldestAgeMs: number;
  readonly delivered: number;
  readonly retried: number;
  /** Why the last attempt failed, while it is tried again; null when it is not. */
  readonly failure: string | null;
};

export type MirrorDependencies = {
  readonly directory: string;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  /** The upstream of a variant; null when the configuration has it no longer. */
  readonly upstreamOf: (experiment: string, variant: string) => UpstreamPolicy | null;
  readonly log: SupervisorLog;
};

/** Brings writes to the variants that did not answer them: each variant's in order, however long it is away. */
export type Mirror = {
  /** A worker has put a write on disk. */
  notice(name: string, write: Pick<MirroredWrite, "experiment" | "targets">): void;
  /** A write that no variant but the primary will get. */
  noticeLost(
    experiment: string,
    variants: readonly string[],
    requestId: string,
    path: string,
  ): void;
  /** Somebody knows that the variant differs. */
  acknowledge(experiment: string, variant: string): void;
  view(): readonly MirrorView[];
  /** Writes that wait, and their bytes. */
  room(): { readonly writes: number; readonly bytes: number };
  stop(): Promise<void>;
};

const unknown = { status: null, says: null };

/** Takes up at once what an earlier life left in the folder. */
export function createMirror(dependencies: MirrorDependencies): Mirror {
  const { directory, clock, timers, random, upstreamOf, log } = dependencies;
  const writes = new WaitingWrites(directory, log);
  const left = writes.takeUp();
  const differences = new Divergences(join(directory, divergencesFile), log);
  const sender = new WriteSender();
  const lines = new Map<string, VariantLine>();
  const delivered = new Map<VariantLine, number>();

  function lineOf(experiment: string, variant: string): VariantLine {
    const key = JSON.stringify([experiment, variant]);
    const known = lines.get(key);
    if (known !== undefined) return known;
    const line: VariantLine = new VariantLine(experiment, variant, {
      timers,
      random,
      send: (name, attempt) => send(line, name, attempt),
      settle: (name) => writes.settle(name, variant),
    });
    lines.set(key, line);
    return line;
  }

  function enqueue(write: WaitingWrite): void {
    if (!writes.add(write)) return;
    for (const variant of write.variants) lineOf(write.experiment, variant).add(write.name);
  }

  async function send(line: VariantLine, name: string, attempt: number): Promise<Attempted> {
    const { experiment, variant } = line;
    const write = await writes.read(name);
    const target = write?.targets.find((each) => each.variant === variant);
    const upstream = upstreamOf(experiment, variant);
    // Whoever took the file away, or the variant out of the configuration, has taken the write back.
    if (write === null || target === undefined || upstream === null) return done;
    try {
      await deliver(line, name, write, { upstream, target, attempt });
      return done;
    } catch (error) {
      const failure = error instanceof Error ? error.message : String(error);
      if (clock.wallMs() - write.atMs < mirrorLimits.ageMsMax) return { settled: false, failure };
      note(line, "given_up", write, target.path, unknown);
      return done;
    }
  }

  async function deliver(
    line: VariantLine,
    name: string,
    write: MirroredWrite,
    to: { upstream: UpstreamPolicy; target: WriteTarget; attempt: number },
  ): Promise<void> {
    const { upstream, target, attempt } = to;
    const answer = await sender.send(upstream, target, writes.bodyOf(name), write.bodyBytes);
    if (!isFinal(answer.status, attempt)) throw new Error(`answered ${answer.status}`);
    delivered.set(line, (delivered.get(line) ?? 0) + 1);
    const mayRepeat = attempt > 0 || write.primary.status === null;
    const kind = divergenceOf(write.primary, answer, mayRepeat);
    if (kind !== null) note(line, kind, write, target.path, answer);
  }

  function note(
    { experiment, variant }: Pick<VariantLine, "experiment" | "variant">,
    kind: Divergence,
    write: Pick<MirroredWrite, "requestId"> & { readonly primary: DivergentWrite["primary"] },
    path: string,
    { status, says }: DivergentWrite["target"],
  ): void {
    const { requestId } = write;
    const primary = { status: write.primary.status, says: write.primary.says };
    const answers = { kind, requestId, path, primary, target: { status, says } };
    differences.add(experiment, variant, { ...answers, atMs: clock.wallMs() });
    log("warn", "a mirrored write came to something else", { experiment, variant, ...answers });
  }

  for (const [experiment, variant] of differences.variants()) lineOf(experiment, variant);
  for (const write of left) enqueue(write);
  const cancelLook = timers.every(lookMs, () => {
    void writes.find().then((found) => found.forEach(enqueue));
  });
  return {
    notice(name, { experiment, targets }) {
      enqueue({ name, experiment, variants: targets.map(({ variant }) => variant), settled: [] });
    },
    noticeLost(experiment, variants, requestId, path) {
      for (const variant of variants) {
        const line = lineOf(experiment, variant);
        note(line, "lost", { requestId, primary: unknown }, path, unknown);
      }
    },
    acknowledge: (experiment, variant) => differences.acknowledge(experiment, variant),
    view: () =>
      Array.from(lines.values(), (line) => ({
        experiment: line.experiment,
        variant: line.variant,
        queued: line.length,
        oldestAgeMs: line.oldest === null ? 0 : ageOf(line.oldest, clock),
        delivered: delivered.get(line) ?? 0,
        retried: line.retried,
        failure: line.failure,
        ...differences.of(line.experiment, line.variant),
      })),
    room: () => writes.room(),
    async stop() {
      cancelLook();
      for (const line of lines.values()) line.stop();
      await sender.close();
      await differences.settled();
    },
  };
}

const done: Attempted = { settled: true, failure: null };

/** A name begins with when it was written, in microseconds. */
function ageOf(name: string, clock: Clock): number {
  return Math.max(0, clock.wallMs() - Number(name.slice(0, 17)) / 1000);
}
