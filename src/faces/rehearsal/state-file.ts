import { createHash } from "node:crypto";
import { z } from "zod";
import { err, ok, type Result } from "../../base/result.ts";
import { stageNames, type StageName, type StageResult } from "../../core/rehearsal/stage.ts";

/** What of an unfinished rehearsal has passed, in a file, so that it goes on where it was broken off. */
export type StateFile = {
  /** Of inputs, short enough for a file. */
  fingerprint(inputs: string): string;
  find(stage: StageName, fingerprint: string): StageResult | null;
  keep(fingerprint: string, result: StageResult): void;
  /** The rehearsal is over: the next one may meet other variants behind the same addresses, and begins anew. */
  clear(): void;
};

export type StateFileIo = {
  /** Null when there is no such file. */
  readonly read: () => Result<string | null, string>;
  readonly write: (text: string) => Result<null, string>;
  readonly remove: () => void;
};

const stateSchema = z.object({
  version: z.literal(1),
  stages: z.array(
    z.object({
      fingerprint: z.string(),
      result: z.object({
        stage: z.enum(stageNames),
        status: z.literal("passed"),
        reason: z.string(),
        startedAt: z.string().nullable(),
        endedAt: z.string().nullable(),
        isReused: z.boolean(),
        details: z.unknown(),
      }),
    }),
  ),
});

/**
 * Reads the file, and writes it once to see whether that works. `isFresh` forgets what is in it. The error says what is
 * wrong with the file; one that is no state of a rehearsal is not written over.
 */
export function openStateFile(io: StateFileIo, isFresh: boolean): Result<StateFile, string> {
  const read = io.read();
  if (!read.ok) return read;
  const parsed = read.value === null ? ok([]) : parseState(read.value);
  if (!parsed.ok) return parsed;
  const kept = new Map(
    isFresh ? [] : parsed.value.map((entry) => [entry.result.stage, entry] as const),
  );
  const save = (): Result<null, string> =>
    io.write(`${JSON.stringify({ version: 1, stages: [...kept.values()] }, null, 2)}\n`);
  const saved = save();
  if (!saved.ok) return saved;
  return ok({
    fingerprint: (inputs) => createHash("sha256").update(inputs).digest("hex"),
    find(stage, fingerprint) {
      const entry = kept.get(stage);
      return entry?.fingerprint === fingerprint ? entry.result : null;
    },
    keep(fingerprint, result) {
      if (result.status !== "passed") return;
      kept.set(result.stage, { fingerprint, result: { ...result, status: result.status } });
      // A file that cannot be written any more costs only the chance to go on from here.
      save();
    },
    clear: io.remove,
  });
}

type Entry = z.output<typeof stateSchema>["stages"][number];

function parseState(text: string): Result<readonly Entry[], string> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return err("it is no JSON");
  }
  const parsed = stateSchema.safeParse(value);
  return parsed.success ? ok(parsed.data.stages) : err("it is no state of a rehearsal");
}
