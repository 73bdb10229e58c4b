import type { z } from "zod";
import type { Result } from "../../base/result.ts";
import { err, ok } from "../../base/result.ts";
import { resolveConfig } from "./resolve.ts";
import type { PemFiles } from "./resolve.ts";
import { checkMeaning } from "./checks.ts";
import type { Readable } from "./checks.ts";
import type { Environment } from "./environment.ts";
import { IssueList } from "./issues.ts";
import type { Config, Issue } from "./model.ts";
import { configSchema, sections } from "./schema.ts";
import { readSource } from "./source.ts";

/** What a configuration depends on besides its own text. */
export type ParseContext = {
  readonly env: Environment;
  /** What `workers: auto` means, ≥ 1. */
  readonly cores: number;
  /** Text of a PEM file by the name in the configuration; the error says why it cannot be read. */
  readonly files: PemFiles;
};

/**
 * From the text of a YAML (or JSON) file to a configuration with every default filled in, or every
 * problem of it, each with path, line and column, in the order of the text. Never throws.
 */
export function parseConfig(text: string, context: ParseContext): Result<Config, Issue[]> {
  const source = readSource(text, context.env);
  if (!source.ok) return source;
  const issues = new IssueList(source.value);
  const { value } = source.value;
  if (value === null) {
    issues.add([], "empty", "the configuration is empty; it needs upstreams and routes");
    return err(issues.sorted());
  }
  const parsed = configSchema.safeParse(value);
  if (!parsed.success) issues.addSchema(parsed.error.issues);
  const readable = parsed.success
    ? readableOf(parsed.data, value)
    : salvage(withoutBroken(value, issues.brokenPaths), value);
  checkMeaning(readable, (path, code, message) => issues.addMeaning(path, code, message));
  const resolved = resolveConfig(readable, context, issues);
  return resolved !== null && issues.isEmpty ? ok(resolved) : err(issues.sorted());
}

function readableOf(data: z.output<typeof configSchema>, value: unknown): Readable {
  return {
    listen: data.listen,
    admin: data.admin,
    log: data.log,
    store: data.store,
    replica: data.replica,
    alerts: data.alerts,
    prometheus: data.prometheus,
    insights: data.insights,
    tracing: data.tracing,
    hasPrometheus: data.prometheus !== null,
    upstreams: new Map(Object.entries(data.upstreams)),
    routes: data.routes,
    experiments: new Map(Object.entries(data.experiments)),
    upstreamNames: keysOf(value, "upstreams"),
    experimentNames: keysOf(value, "experiments"),
  };
}

/** The value with gaps where a field is broken, so that what stands around it can still be checked. */
function withoutBroken(value: unknown, paths: readonly (readonly PropertyKey[])[]): unknown {
  const copy: unknown = structuredClone(value);
  for (const path of paths) {
    let parent = copy;
    for (const step of path.slice(0, -1)) {
      parent = Array.isArray(parent) || isMap(parent) ? Reflect.get(parent, step) : undefined;
    }
    const last = path.at(-1);
    if (last === undefined) continue;
    // A list keeps its length, so that paths still point where they should.
    if (Array.isArray(parent)) Reflect.set(parent, last, undefined);
    else if (isMap(parent)) Reflect.deleteProperty(parent, last);
  }
  return copy;
}

/** Of a file that its schema refused, the entries that are right by themselves; the names are all there. */
function salvage(pruned: unknown, value: unknown): Readable {
  const written = isMap(pruned) ? pruned : {};
  const listen = sections.listen.safeParse(written["listen"]);
  const admin = sections.admin.safeParse(written["admin"]);
  const log = sections.log.safeParse(written["log"]);
  const { routes } = written;
  return {
    listen: listen.success ? listen.data : null,
    admin: admin.success ? admin.data : null,
    log: log.success ? log.data : null,
    store: null,
    replica: { name: null, adminUrl: null },
    alerts: null,
    prometheus: null,
    insights: null,
    tracing: null,
    hasPrometheus: isMap(value) && value["prometheus"] !== undefined,
    upstreams: salvageMap(written["upstreams"], sections.upstreams),
    routes: (Array.isArray(routes) ? (routes as unknown[]) : []).map((route) => {
      const parsed = sections.routes.safeParse([route]);
      return parsed.success ? (parsed.data[0] ?? null) : null;
    }),
    experiments: salvageMap(written["experiments"], sections.experiments),
    upstreamNames: keysOf(value, "upstreams"),
    experimentNames: keysOf(value, "experiments"),
  };
}

function salvageMap<Entry>(
  value: unknown,
  schema: z.ZodType<Record<string, Entry>>,
): ReadonlyMap<string, Entry> {
  const entries = new Map<string, Entry>();
  for (const [key, entry] of Object.entries(isMap(value) ? value : {})) {
    const parsed = schema.safeParse({ [key]: entry });
    const read = parsed.success ? parsed.data[key] : undefined;
    if (read !== undefined) entries.set(key, read);
  }
  return entries;
}

function keysOf(value: unknown, section: string): readonly string[] {
  const entries = isMap(value) ? value[section] : null;
  return isMap(entries) ? Object.keys(entries) : [];
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
