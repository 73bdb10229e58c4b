import type { z } from "zod";
import { fileLimits } from "./defaults.ts";
import type { Issue } from "./model.ts";
import { formatPath } from "./source.ts";
import type { Source } from "./source.ts";

/** Collects the problems of one file: located, without echoes, in the order of the text. */
export class IssueList {
  readonly #source: Source;
  readonly #issues: Issue[];
  /** Fields broken by themselves. */
  readonly #broken = new Set<string>();
  /** What such fields are part of. */
  readonly #above = new Set<string>();
  readonly #meanings = new Set<string>();
  readonly #brokenPaths: (readonly PropertyKey[])[] = [];

  constructor(source: Source) {
    this.#source = source;
    this.#issues = [...source.issues];
    for (const issue of source.issues) this.#markBroken(issue.path);
  }

  /** Adds a problem between fields, unless one of those fields is broken by itself and may be the cause. */
  addMeaning(path: readonly PropertyKey[], code: string, message: string): void {
    const written = formatPath(path);
    if (this.#broken.has(written) || this.#above.has(written)) return;
    const meaning = `${written} ${code}`;
    if (this.#meanings.has(meaning)) return;
    this.#meanings.add(meaning);
    this.#push(path, code, message, "value");
  }

  /** Adds a problem of one field; the first at a path counts, since what follows is mostly its echo. */
  add(
    path: readonly PropertyKey[],
    code: string,
    message: string,
    part: "key" | "value" = "value",
  ): void {
    const written = formatPath(path);
    this.#brokenPaths.push(path);
    if (this.#broken.has(written)) return;
    this.#markBroken(written);
    this.#push(path, code, message, part);
  }

  /** Adds what a schema found. */
  addSchema(issues: readonly z.core.$ZodIssue[], base: readonly PropertyKey[] = []): void {
    for (const issue of issues) this.#addOne(issue, [...base, ...issue.path]);
  }

  /** Where the schema found something. */
  get brokenPaths(): readonly (readonly PropertyKey[])[] {
    return this.#brokenPaths;
  }

  get isEmpty(): boolean {
    return this.#issues.length === 0;
  }

  /** By line, then column; cut off at the limit. */
  sorted(): Issue[] {
    const sorted = this.#issues.toSorted(
      (one, other) =>
        (one.line ?? 0) - (other.line ?? 0) || (one.column ?? 0) - (other.column ?? 0),
    );
    const kept = sorted.slice(0, fileLimits.issuesMax);
    const left = sorted.length - kept.length;
    if (left > 0) {
      const message = `${left} more problems are not shown`;
      kept.push({ path: "", line: null, column: null, code: "too_many_issues", message });
    }
    return kept;
  }

  #markBroken(written: string): void {
    this.#broken.add(written);
    for (let at = 1; at < written.length; at += 1) {
      if (written[at] === "." || written[at] === "[") this.#above.add(written.slice(0, at));
    }
  }

  #push(path: readonly PropertyKey[], code: string, message: string, part: "key" | "value"): void {
    const { line, column } = this.#source.locate(path, part);
    this.#issues.push({ path: formatPath(path), line, column, code, message });
  }

  #addOne(issue: z.core.$ZodIssue, path: readonly PropertyKey[]): void {
    if (issue.code === "unrecognized_keys") {
      const messages = issue.message.split("\n");
      for (const [at, key] of issue.keys.entries()) {
        const message = messages[at] ?? "unknown key";
        const code = message.startsWith("unknown key") ? "unknown_key" : "not_yet";
        this.add([...path, key], code, message, "key");
      }
    } else if (issue.code === "invalid_key") {
      this.add(path, "invalid_name", issue.issues[0]?.message ?? issue.message, "key");
    } else if (issue.code === "invalid_union") {
      this.#addUnion(issue, path);
    } else if (this.#isAbsent(path)) {
      this.add(path, "missing", `missing: ${issue.message}`);
    } else {
      const code = issue.code === "invalid_type" ? "invalid_type" : "invalid_value";
      this.add(path, code, issue.message);
    }
  }

  /** The branch that the value was meant for is the one that got past its outermost type. */
  #addUnion(issue: z.core.$ZodIssueInvalidUnion, path: readonly PropertyKey[]): void {
    const meant = issue.errors.filter((branch) =>
      branch.every((inner) => inner.path.length > 0 || inner.code === "unrecognized_keys"),
    );
    const [branch] = meant;
    if (meant.length === 1 && branch !== undefined) this.addSchema(branch, path);
    else if (this.#isAbsent(path)) this.add(path, "missing", `missing: ${issue.message}`);
    else this.add(path, "invalid_type", issue.message);
  }

  #isAbsent(path: readonly PropertyKey[]): boolean {
    let value: unknown = this.#source.value;
    for (const step of path) {
      if (typeof value !== "object" || value === null || !Object.hasOwn(value, step)) return true;
      value = (value as Record<PropertyKey, unknown>)[step];
    }
    return value === undefined;
  }
}
