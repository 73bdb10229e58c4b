import { isAlias, isMap, isScalar, isSeq, parseDocument } from "yaml";
import type { Document, Node, Scalar } from "yaml";
import type { Issue } from "../../core/config/model.ts";
import { formatPath } from "../../core/config/source.ts";

/**
 * The configuration's text without its secrets, and back: what a client got, edited and sent again means the
 * secrets that are in force. Works on the text, so that comments and layout stay as they are.
 */

const placeholder = "[redacted]";

const secretHeaders: ReadonlySet<string> = new Set([
  "authorization",
  "proxy-authorization",
  "cookie",
  "x-api-key",
  "api-key",
]);

type Secret = {
  readonly path: string;
  readonly value: unknown;
  readonly start: number;
  readonly end: number;
};

/** `text` with a placeholder for the tokens of the admin port and for credentials that variants set as headers. */
export function redactSecrets(text: string): string {
  const secrets = findSecrets(text);
  // What cannot be read cannot be redacted either; it never was a running configuration.
  if (secrets === null) return "";
  const hidden = secrets.filter(({ value }) => !isReference(value));
  return replaceRanges(
    text,
    hidden.map(({ start, end }) => {
      // A block scalar's range holds the line's end too.
      const lineEnd = text.slice(start, end).endsWith("\n") ? "\n" : "";
      return { start, end, text: `"${placeholder}"${lineEnd}` };
    }),
  );
}

/** Puts the secrets of `current` where `text` has a placeholder; an issue for each that it has not. */
export function restoreSecrets(text: string, current: string): { text: string; issues: Issue[] } {
  const known = new Map<string, string>();
  for (const { path, value, start, end } of findSecrets(current) ?? []) {
    const source = current.slice(start, end);
    // Several lines are right at their own indentation only.
    known.set(path, source.includes("\n") ? JSON.stringify(value) : source);
  }
  const issues: Issue[] = [];
  const edits: { start: number; end: number; text: string }[] = [];
  for (const { path, value, start, end } of findSecrets(text) ?? []) {
    if (value !== placeholder) continue;
    const source = known.get(path);
    if (source !== undefined) {
      edits.push({ start, end, text: source });
      continue;
    }
    const before = text.slice(0, start).split("\n");
    issues.push({
      path,
      line: before.length,
      column: (before.at(-1) ?? "").length + 1,
      code: "redacted_secret",
      message: `"${placeholder}" stands for a secret that the running configuration does not have`,
    });
  }
  return { text: replaceRanges(text, edits), issues };
}

/** A pure environment reference shows where the secret is, not what it is. */
function isReference(value: unknown): boolean {
  return typeof value === "string" && /^\$\{\w+\}$/.test(value);
}

function findSecrets(text: string): Secret[] | null {
  let document;
  try {
    document = parseDocument(text, { prettyErrors: false, uniqueKeys: false });
  } catch {
    // The parser runs out of stack on absurd nesting; such a text is refused when it is read.
    return null;
  }
  if (document.errors.length > 0) return null;
  const found: Secret[] = [];
  const collect = (path: readonly string[], node: Scalar | null) => {
    const range = node?.range;
    if (node === null || range === null || range === undefined) return;
    found.push({ path: formatPath(path), value: node.value, start: range[0], end: range[1] });
  };
  for (const name of ["token", "viewer_token"]) {
    collect(["admin", name], scalarAt(document, ["admin", name]));
  }
  for (const experiment of keysAt(document, ["experiments"])) {
    for (const variant of keysAt(document, ["experiments", experiment, "variants"])) {
      const set = ["experiments", experiment, "variants", variant, "headers", "set"];
      for (const name of keysAt(document, set)) {
        if (!secretHeaders.has(name.toLowerCase())) continue;
        collect([...set, name], scalarAt(document, [...set, name]));
      }
    }
  }
  return found;
}

function nodeAt(document: Document, path: readonly string[]): Node | null {
  let node: unknown = document.contents;
  for (const step of path) {
    const inside = resolved(document, node);
    if (!isMap(inside)) return null;
    node = inside.items.find(({ key }) => isScalar(key) && String(key.value) === step)?.value;
  }
  return resolved(document, node);
}

function scalarAt(document: Document, path: readonly string[]): Scalar | null {
  const node = nodeAt(document, path);
  return isScalar(node) ? node : null;
}

function keysAt(document: Document, path: readonly string[]): string[] {
  const node = nodeAt(document, path);
  if (!isMap(node)) return [];
  return node.items.flatMap(({ key }) => (isScalar(key) ? [String(key.value)] : []));
}

function resolved(document: Document, node: unknown): Node | null {
  const target = isAlias(node) ? node.resolve(document) : node;
  return isMap(target) || isSeq(target) || isScalar(target) ? target : null;
}

function replaceRanges(
  text: string,
  edits: readonly { start: number; end: number; text: string }[],
): string {
  let written = text;
  let before = Infinity;
  // From the end, so that the positions still to come stay right; two aliases share one place.
  for (const edit of edits.toSorted((one, other) => other.start - one.start)) {
    if (edit.start >= before) continue;
    before = edit.start;
    written = written.slice(0, edit.start) + edit.text + written.slice(edit.end);
  }
  return written;
}
