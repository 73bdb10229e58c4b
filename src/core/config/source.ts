import { LineCounter, isAlias, isMap, isScalar, isSeq, parseDocument } from "yaml";
import type { Node, Pair, YAMLMap } from "yaml";
import { err, ok } from "../../base/result.ts";
import type { Result } from "../../base/result.ts";
import { fileLimits } from "./defaults.ts";
import { expandReferences } from "./environment.ts";
import type { Environment } from "./environment.ts";
import type { Issue } from "./model.ts";

/** What a configuration file says, before anybody asks whether it makes sense. */
export type Source = {
  readonly value: unknown;
  /** Duplicate keys, missing environment variables and the like; `value` has a gap where they are. */
  readonly issues: readonly Issue[];
  /** Where a path stands in the text; the nearest ancestor when it is not there itself. */
  locate(path: readonly PropertyKey[], part: "key" | "value"): Position;
};

export type Position = { readonly line: number; readonly column: number };

/** `experiments.a.variants.b.weight`; keys that contain dots and the like are quoted. */
export function formatPath(path: readonly PropertyKey[]): string {
  let written = "";
  for (const step of path) {
    if (typeof step === "number") written += `[${step}]`;
    else if (/^[\w$-]+$/.test(String(step)))
      written += `${written === "" ? "" : "."}${String(step)}`;
    else written += `[${JSON.stringify(String(step))}]`;
  }
  return written;
}

/** Reads YAML 1.2 (and so JSON) with environment references; only text that is no YAML at all is an error. */
export function readSource(text: string, env: Environment): Result<Source, Issue[]> {
  const bytes = new TextEncoder().encode(text).length;
  if (bytes > fileLimits.bytesMax) {
    return err([
      {
        path: "",
        line: null,
        column: null,
        code: "file_too_large",
        message: `the configuration has ${bytes} bytes; at most ${fileLimits.bytesMax} are read`,
      },
    ]);
  }
  const lines = new LineCounter();
  const parsed = parseYaml(text, lines);
  if (!parsed.ok) return parsed;
  return ok(new Reader(env, lines).read(parsed.value));
}

function parseYaml(text: string, lines: LineCounter): Result<Node | null, Issue[]> {
  let document;
  try {
    // Duplicate keys are found while reading, in linear time and with their path.
    document = parseDocument(text, {
      lineCounter: lines,
      prettyErrors: false,
      uniqueKeys: false,
      strict: true,
    });
  } catch (error) {
    // The parser recurses and runs out of stack on absurd nesting.
    const message = `cannot be read as YAML: ${(error as Error).message}`;
    return err([{ path: "", line: 1, column: 1, code: "yaml_syntax", message }]);
  }
  const problems = [...document.errors, ...document.warnings];
  if (problems.length === 0) return ok(document.contents);
  return err(
    problems.slice(0, fileLimits.issuesMax).map((problem) => {
      const { line, col } = lines.linePos(problem.pos[0]);
      return { path: "", line, column: col, code: "yaml_syntax", message: problem.message };
    }),
  );
}

/** Walks the YAML nodes once: values, positions, references, limits. */
class Reader {
  readonly #env: Environment;
  readonly #lines: LineCounter;
  readonly #issues: Issue[] = [];
  readonly #keys = new Map<string, Position>();
  readonly #values = new Map<string, Position>();
  readonly #anchors = new Map<string, Node>();
  readonly #open = new Set<Node>();
  #nodes = 0;

  constructor(env: Environment, lines: LineCounter) {
    this.#env = env;
    this.#lines = lines;
  }

  read(root: Node | null): Source {
    const value = root === null ? null : this.#value(root, []);
    return {
      value,
      issues: this.#issues,
      locate: (path, part) => {
        const exact = formatPath(path);
        const own = part === "key" ? this.#keys.get(exact) : undefined;
        if (own !== undefined) return own;
        for (let length = path.length; length >= 0; length -= 1) {
          const at = this.#values.get(formatPath(path.slice(0, length)));
          if (at !== undefined) return at;
        }
        return { line: 1, column: 1 };
      },
    };
  }

  #value(node: Node, path: PropertyKey[]): unknown {
    const position = this.#position(node);
    this.#values.set(formatPath(path), position);
    this.#nodes += 1;
    if (this.#nodes > fileLimits.nodesMax) {
      // Once is enough: everything after it is cut off as well.
      if (this.#nodes === fileLimits.nodesMax + 1) {
        const message = `more than ${fileLimits.nodesMax} values (aliases expanded); the rest is not read`;
        this.#report(path, position, "too_many_values", message);
      }
      return undefined;
    }
    if (path.length > fileLimits.depthMax) {
      const message = `nested deeper than ${fileLimits.depthMax} levels`;
      this.#report(path, position, "too_deep", message);
      return undefined;
    }
    if (isAlias(node)) return this.#alias(node.source, path, position);
    if (node.anchor !== undefined) this.#anchors.set(node.anchor, node);
    if (isMap(node)) return this.#map(node, path);
    if (isSeq(node)) {
      this.#open.add(node);
      const items = node.items.map((item, index) => this.#value(item as Node, [...path, index]));
      this.#open.delete(node);
      return items;
    }
    return isScalar(node) ? this.#scalar(node.value, path, position) : null;
  }

  #alias(name: string, path: PropertyKey[], position: Position): unknown {
    const target = this.#anchors.get(name);
    if (target === undefined || this.#open.has(target)) {
      const message = `the alias *${name} has no finished anchor before it`;
      this.#report(path, position, "yaml_alias", message);
      return undefined;
    }
    return this.#value(target, path);
  }

  #map(node: YAMLMap, path: PropertyKey[]): Record<string, unknown> {
    const map: Record<string, unknown> = {};
    this.#open.add(node);
    for (const pair of node.items as Pair<Node, Node | null>[]) {
      const key = isScalar(pair.key) ? pair.key.value : undefined;
      const at = this.#position(pair.key);
      if (typeof key !== "string" && typeof key !== "number" && typeof key !== "boolean") {
        this.#report(path, at, "yaml_key", "a key must be a plain text");
        continue;
      }
      const name = String(key);
      const inside = [...path, name];
      if (name === "__proto__") {
        this.#report(inside, at, "yaml_key", "this key is reserved");
      } else if (Object.hasOwn(map, name)) {
        const first = this.#keys.get(formatPath(inside)) ?? at;
        const message = `duplicate key; it is already on line ${first.line}`;
        this.#report(inside, at, "duplicate_key", message);
      } else {
        this.#keys.set(formatPath(inside), at);
        map[name] = pair.value === null ? null : this.#value(pair.value, inside);
      }
    }
    this.#open.delete(node);
    return map;
  }

  #scalar(value: unknown, path: PropertyKey[], position: Position): unknown {
    if (typeof value !== "string") return value;
    const expanded = expandReferences(value, this.#env);
    if (expanded.ok) return expanded.value;
    for (const problem of expanded.error) {
      this.#report(path, position, problem.code, problem.message);
    }
    // Still a text, so that what is around it is not called wrong as well.
    return "";
  }

  #position(node: Node): Position {
    const { line, col } = this.#lines.linePos(node.range?.[0] ?? 0);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  }

  #report(path: readonly PropertyKey[], position: Position, code: string, message: string): void {
    if (this.#issues.length >= fileLimits.issuesMax) return;
    this.#issues.push({ path: formatPath(path), ...position, code, message });
  }
}
