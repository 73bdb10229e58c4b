import { readFileSync } from "node:fs";
import { mkdir, open, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { z } from "zod";
import { divergences, type Divergence } from "../../core/mirror/divergence.ts";
import type { SupervisorLog } from "../worker-slot.ts";

/** Divergent writes of each variant that are kept for a look. */
export const divergencesKeptMax = 50;

const answerSchema = z.strictObject({ status: z.int().nullable(), says: z.string().nullable() });

const divergentSchema = z.strictObject({
  kind: z.enum(divergences),
  requestId: z.string(),
  path: z.string(),
  atMs: z.number(),
  primary: answerSchema,
  target: answerSchema,
});

/** A write that came to something else on a variant than on the primary. */
export type DivergentWrite = Readonly<z.output<typeof divergentSchema>>;

const variantSchema = z.strictObject({
  experiment: z.string(),
  variant: z.string(),
  diverged: z.partialRecord(z.enum(divergences), z.int().min(0)),
  unacknowledged: z.int().min(0),
  divergent: z.array(divergentSchema).max(divergencesKeptMax),
});

/** What one variant has that the primary has not, or the other way round. */
export type VariantDivergences = {
  readonly diverged: Readonly<Partial<Record<Divergence, number>>>;
  /** Since somebody last said that it is known. */
  readonly unacknowledged: number;
  /** The last ones, oldest first. */
  readonly divergent: readonly DivergentWrite[];
};

const none: VariantDivergences = { diverged: {}, unacknowledged: 0, divergent: [] };

/**
 * What came to something else on each variant, kept in one file: a difference between two document stores does not end
 * with the process. What came in the last moments before a crash is not in it; the log has it.
 */
export class Divergences {
  readonly #file: string;
  readonly #log: SupervisorLog;
  readonly #byVariant = new Map<string, VariantDivergences>();
  #saving: Promise<void> = Promise.resolve();
  #isSavePlanned = false;

  constructor(file: string, log: SupervisorLog) {
    this.#file = file;
    this.#log = log;
    for (const { experiment, variant, ...rest } of readAll(file)) {
      this.#byVariant.set(keyOf(experiment, variant), rest);
    }
  }

  /** Every variant that anything is known of. */
  variants(): readonly (readonly [experiment: string, variant: string])[] {
    return Array.from(this.#byVariant.keys(), (key) => JSON.parse(key) as [string, string]);
  }

  of(experiment: string, variant: string): VariantDivergences {
    return this.#byVariant.get(keyOf(experiment, variant)) ?? none;
  }

  add(experiment: string, variant: string, write: DivergentWrite): void {
    const { diverged, unacknowledged, divergent } = this.of(experiment, variant);
    this.#set(experiment, variant, {
      diverged: { ...diverged, [write.kind]: (diverged[write.kind] ?? 0) + 1 },
      unacknowledged: unacknowledged + 1,
      divergent: [...divergent, write].slice(-divergencesKeptMax),
    });
  }

  /** Somebody knows of all that there is by now. */
  acknowledge(experiment: string, variant: string): void {
    const present = this.of(experiment, variant);
    if (present.unacknowledged === 0) return;
    this.#set(experiment, variant, { ...present, unacknowledged: 0 });
  }

  /** Resolves when the file has everything. */
  async settled(): Promise<void> {
    await this.#saving;
  }

  #set(experiment: string, variant: string, next: VariantDivergences): void {
    this.#byVariant.set(keyOf(experiment, variant), next);
    if (this.#isSavePlanned) return;
    this.#isSavePlanned = true;
    this.#saving = this.#saving.then(() => this.#save());
  }

  async #save(): Promise<void> {
    this.#isSavePlanned = false;
    const all = this.variants().map(([experiment, variant]) => {
      const { diverged, unacknowledged, divergent } = this.of(experiment, variant);
      return { experiment, variant, diverged, unacknowledged, divergent };
    });
    try {
      await mkdir(dirname(this.#file), { recursive: true, mode: 0o700 });
      const part = `${this.#file}.part`;
      const file = await open(part, "w", 0o600);
      try {
        await file.writeFile(JSON.stringify(all));
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(part, this.#file);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#log("error", "what mirrored writes came to is not on disk", {
        file: this.#file,
        reason,
      });
    }
  }
}

function readAll(file: string): readonly z.output<typeof variantSchema>[] {
  try {
    const parsed = z.array(variantSchema).safeParse(JSON.parse(readFileSync(file, "utf8")));
    return parsed.success ? parsed.data : [];
  } catch {
    return [];
  }
}

function keyOf(experiment: string, variant: string): string {
  return JSON.stringify([experiment, variant]);
}
