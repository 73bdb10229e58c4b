import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Clock, Random, Timers } from "../../base/clock.ts";
import {
  divergenceOf,
  isFinal,
  retryMs,
  type Divergence,
  type WriteAnswer,
} from "../../core/mirror/divergence.ts";
import type { UpstreamPolicy } from "../../core/traffic/policy.ts";
import {
  mirroredWriteSchema,
  mirrorLimits,
  type MirroredWrite,
} from "../../wire/mirrored-write.ts";
import { WriteSender } from "./delivery.ts";

/** Divergences that are kept for a look, of each variant. */
export const divergencesKeptMax = 50;

/** A write that came to something else on a variant than on the primary. */
export type DivergentWrite = {
  readonly kind: Divergence;
  readonly requestId: string;
  readonly path: string;
  readonly atMs: number;
  readonly primary: WriteAnswer;
  readonly target: WriteAnswer;
};

/** How far one variant is behind the primary, and where it differs. */
export type MirrorView = {
  readonly experiment: string;
  readonly variant: string;
  readonly queued: number;
  /** Of the oldest that waits; 0 when none does. */
  readonly oldestAgeMs: number;
  readonly delivered: number;
  readonly retried: number;
  /** Why the last attempt failed, while it is tried again; null when it is not. */
  readonly failure: string | null;
  readonly diverged: Readonly<Partial<Record<Divergence, number>>>;
  /** The last ones, oldest first. */
  readonly divergent: readonly DivergentWrite[];
};

export type MirrorDependencies = {
  readonly directory: string;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  /** The upstream of a variant; null when the configuration has it no longer. */
  readonly upstreamOf: (experiment: string, variant: string) => UpstreamPolicy | null;
  readonly log: (
    level: "info" | "warn" | "error",
    message: string,
    facts: Record<string, unknown>,
  ) => void;
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
  view(): readonly MirrorView[];
  /** Writes that wait, and their bytes. */
  room(): { readonly writes: number; readonly bytes: number };
  stop(): Promise<void>;
};

type Line = {
  readonly experiment: string;
  readonly variant: string;
  /** Names of writes, oldest first. */
  queue: string[];
  isBusy: boolean;
  attempt: number;
  delivered: number;
  retried: number;
  failure: string | null;
  readonly diverged: Partial<Record<Divergence, number>>;
  divergent: DivergentWrite[];
  cancel: () => void;
};

export function createMirror(dependencies: MirrorDependencies): Mirror {
  const { directory, clock, timers, random, upstreamOf, log } = dependencies;
  const lines = new Map<string, Line>();
  /** Variants that each write still waits for. */
  const waiting = new Map<string, Set<string>>();
  const sizes = new Map<string, number>();
  const sender = new WriteSender();
  let isStopped = false;

  function lineOf(experiment: string, variant: string): Line {
    const key = JSON.stringify([experiment, variant]);
    const known = lines.get(key);
    if (known !== undefined) return known;
    const line: Line = {
      experiment,
      variant,
      queue: [],
      isBusy: false,
      attempt: 0,
      delivered: 0,
      retried: 0,
      failure: null,
      diverged: {},
      divergent: [],
      cancel: () => {},
    };
    lines.set(key, line);
    return line;
  }

  function enqueue(name: string, experiment: string, variants: readonly string[]): void {
    waiting.set(name, new Set(variants));
    for (const variant of variants) {
      const line = lineOf(experiment, variant);
      // Workers tell of their writes each on its own: a name that is older than the last goes before it.
      const at = line.queue.findLastIndex((other) => other <= name);
      line.queue.splice(at + 1, 0, name);
      void deliverNext(line);
    }
  }

  async function deliverNext(line: Line): Promise<void> {
    const [name] = line.queue;
    if (line.isBusy || isStopped || name === undefined) return;
    line.isBusy = true;
    const isSettled = await attempt(line, name);
    line.isBusy = false;
    if (isStopped) return;
    if (!isSettled) {
      line.attempt += 1;
      line.retried += 1;
      const waitMs = retryMs(line.attempt, random.next());
      line.cancel = timers.after(waitMs, () => void deliverNext(line));
      return;
    }
    line.attempt = 0;
    line.failure = null;
    line.queue.splice(line.queue.indexOf(name), 1);
    await settle(name, line.variant);
    void deliverNext(line);
  }

  /** True when the write need not be sent again. */
  async function attempt(line: Line, name: string): Promise<boolean> {
    const { experiment, variant } = line;
    const write = await readWrite(join(directory, `${name}.json`));
    const target = write?.targets.find((each) => each.variant === variant);
    // Whoever took the file away, or broke it, has taken the write back.
    if (write === null || target === undefined) return true;
    const upstream = upstreamOf(experiment, variant);
    if (upstream === null) return true;
    const body = join(directory, `${name}.body`);
    try {
      const answer = await sender.send(upstream, target, body, write.bodyBytes);
      if (!isFinal(answer.status)) throw new Error(`answered ${answer.status}`);
      line.delivered += 1;
      const kind = divergenceOf(
        write.primary,
        answer,
        line.attempt > 0 || write.primary.status === null,
      );
      if (kind !== null) note(line, kind, write, target.path, answer);
      return true;
    } catch (error) {
      line.failure = error instanceof Error ? error.message : String(error);
      if (clock.wallMs() - write.atMs < mirrorLimits.ageMsMax) return false;
      note(line, "given_up", write, target.path, { status: null, says: null });
      return true;
    }
  }

  function note(
    line: Line,
    kind: Divergence,
    { requestId, primary }: Pick<MirroredWrite, "requestId" | "primary">,
    path: string,
    target: WriteAnswer,
  ): void {
    line.diverged[kind] = (line.diverged[kind] ?? 0) + 1;
    const { status, says } = primary;
    const atMs = clock.wallMs();
    line.divergent.push({ kind, requestId, path, atMs, primary: { status, says }, target });
    if (line.divergent.length > divergencesKeptMax) line.divergent.shift();
    const { experiment, variant } = line;
    log("warn", "a mirrored write came to something else", {
      experiment,
      variant,
      kind,
      requestId,
      path,
      primary: { status, says },
      target,
    });
  }

  /** One variant has it; the last one takes it off the disk. Until then a mark keeps it from being sent twice. */
  async function settle(name: string, variant: string): Promise<void> {
    const left = waiting.get(name);
    left?.delete(variant);
    const file = (extension: string) => join(directory, `${name}.${extension}`);
    if (left !== undefined && left.size > 0) {
      await writeFile(file(`${encodeURIComponent(variant)}.done`), "").catch(() => {});
      return;
    }
    waiting.delete(name);
    sizes.delete(name);
    // The head first: without it the rest is rubbish that the next start removes.
    for (const extension of ["json", "body"])
      await rm(file(extension), { force: true }).catch(() => {});
    const marks = [...lines.values()].map((line) => `${encodeURIComponent(line.variant)}.done`);
    for (const mark of marks) await rm(file(mark), { force: true }).catch(() => {});
  }

  /** Takes up what an earlier life left. */
  function takeUp(): void {
    if (!existsSync(directory)) return;
    const names = readdirSync(directory).toSorted();
    const heads = new Set(names.filter((name) => name.endsWith(".json")).map(withoutEnd));
    for (const name of names) {
      if (!heads.has(withoutEnd(name))) rmSync(join(directory, name), { force: true });
    }
    for (const name of heads) {
      const write = parseWrite(readFileSync(join(directory, `${name}.json`), "utf8"));
      if (write === null) continue;
      const done = new Set(names.filter((other) => other.startsWith(`${name}.`)));
      const variants = write.targets
        .map(({ variant }) => variant)
        .filter((variant) => !done.has(`${name}.${encodeURIComponent(variant)}.done`));
      sizes.set(name, write.bodyBytes);
      enqueue(name, write.experiment, variants);
    }
  }

  takeUp();
  return {
    notice(name, { experiment, targets }) {
      if (waiting.has(name)) return;
      sizes.set(name, 0);
      enqueue(
        name,
        experiment,
        targets.map(({ variant }) => variant),
      );
    },
    noticeLost(experiment, variants, requestId, path) {
      for (const variant of variants) {
        const primary = { variant: "", status: null, says: null };
        const nothing = { status: null, says: null };
        note(lineOf(experiment, variant), "lost", { requestId, primary }, path, nothing);
      }
    },
    view: () =>
      Array.from(lines.values(), (line) => ({
        experiment: line.experiment,
        variant: line.variant,
        queued: line.queue.length,
        oldestAgeMs:
          line.queue[0] === undefined ? 0 : Math.max(0, clock.wallMs() - atMsOf(line.queue[0])),
        delivered: line.delivered,
        retried: line.retried,
        failure: line.failure,
        diverged: { ...line.diverged },
        divergent: line.divergent,
      })),
    room: () => ({
      writes: waiting.size,
      bytes: [...sizes.values()].reduce((sum, bytes) => sum + bytes, 0),
    }),
    async stop() {
      isStopped = true;
      for (const line of lines.values()) line.cancel();
      await sender.close();
    },
  };
}

/** A name begins with when it was written, in microseconds. */
function atMsOf(name: string): number {
  return Number(name.slice(0, 17)) / 1000;
}

function withoutEnd(name: string): string {
  return name.slice(0, name.indexOf("."));
}

async function readWrite(path: string): Promise<MirroredWrite | null> {
  try {
    return parseWrite(await readFile(path, "utf8"));
  } catch {
    return null;
  }
}

function parseWrite(text: string): MirroredWrite | null {
  try {
    const parsed = mirroredWriteSchema.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}
