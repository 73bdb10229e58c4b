import type { ExperimentPolicy } from "../../core/experiment/policy.ts";
import type { PricePolicy } from "../../core/experiment/measure-policy.ts";
import { createDimensionMemory, type DimensionMemory } from "../../core/inspection/dimension.ts";
import type { ReaderName } from "../../core/inspection/facts.ts";
import { parsePointer } from "../../core/inspection/json-pointer.ts";
import type { SeriesKey } from "../../core/telemetry/snapshot.ts";
import type { RoutePolicy } from "../../core/traffic/policy.ts";
import { SeenInputs } from "./seen-inputs.ts";

/** What is remembered from one answer of an arm to the next; lives through reloads. */
type ArmMemory = { readonly dimension: DimensionMemory; readonly seen: SeenInputs };

export type ArmMemories = ReadonlyMap<string, ArmMemory>;

/** What the exchanges of one arm are looked at for. */
export type Observation = {
  readonly experiment: string | null;
  readonly variant: string | null;
  readonly reader: ReaderName | null;
  readonly memory: ArmMemory;
  /** Metrics by the lower-case name of the response field that brings them. */
  readonly fields: ReadonlyMap<string, string> | null;
  readonly pointers: readonly { readonly name: string; readonly tokens: readonly string[] }[];
  /** Metrics that somebody reports afterwards, by request id. */
  readonly reported: ReadonlySet<string> | null;
  readonly price: PricePolicy | null;
  /** Times of new inputs are told from those of repeated ones. */
  readonly tellsRepeats: boolean;
};

/** The response field `x-sluice-metric-NAME`; underscores may be hyphens, as some servers drop the former. */
const fieldPrefix = "x-sluice-metric-";

/** Null where nothing is to be seen, which is what most routes are; adds what must be remembered to `memories`. */
export function compileObservation(
  { match, classify: reader }: RoutePolicy,
  experiment: ExperimentPolicy | null,
  { variant, epoch, upstream }: SeriesKey,
  before: ArmMemories | null,
  memories: Map<string, ArmMemory>,
): Observation | null {
  const measure = experiment?.measure;
  const metrics = measure?.metrics ?? [];
  const price = (variant === null ? null : measure?.prices[variant]) ?? null;
  const tellsRepeats = measure?.firstSeen ?? false;
  if (reader === null && metrics.length === 0 && price === null && !tellsRepeats) return null;
  const key = JSON.stringify([experiment?.key, variant, upstream, epoch, match]);
  const memory = before?.get(key) ?? {
    dimension: createDimensionMemory(),
    seen: new SeenInputs(),
  };
  memories.set(key, memory);
  const fields = new Map<string, string>();
  const reported = new Set<string>();
  const pointers: { name: string; tokens: readonly string[] }[] = [];
  for (const { name, from } of metrics) {
    if (from.kind === "api") reported.add(name);
    else if (from.kind === "answer") pointers.push({ name, tokens: parsePointer(from.pointer) });
    else {
      fields.set(fieldPrefix + name, name);
      fields.set(fieldPrefix + name.replaceAll("_", "-"), name);
    }
  }
  return {
    experiment: experiment?.key ?? null,
    variant,
    reader,
    memory,
    fields: fields.size === 0 ? null : fields,
    pointers,
    reported: reported.size === 0 ? null : reported,
    price,
    tellsRepeats,
  };
}
