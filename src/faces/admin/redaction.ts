import { isAlias, isMap, isScalar, isSeq, parseDocument } from "yaml";
import type { Document, Node, Scalar } from "yaml";
import type { Issue } from "../../core/config/model.ts";
import { formatPath } from "../../core/config/source.ts";

/**
 * The configuration's text without its secrets, and back: what a client got, edited and sent again means the
 * secrets that are in force. Works on the text, so that comments and layout stay as they are.
 */

/**
 * Says of an item of a list which one it was, so that its secret finds it again wherever it has moved to: the secret of
 * another item must not go there.
 */
function placeholderOf(item: number | null): string {
  return item === null ? "[redacted]" : `[redacted ${item}]`;
}

/** Undefined for what is no placeholder, else the item that it says. */
function itemOf(value: unknown): number | null | undefined {
  const match = typeof value === "string" ? /^\[redacted(?: (\d{1,6}))?\]$/.exec(value) : null;
  if (match === null) return undefined;
  return match[1] === undefined ? null : Number(match[1]);
}

const secretHeaders: ReadonlySet<string> = new Set([
  "authorization",
  "proxy-authorization",
  "cookie",
  "x-api-key",
  "api-key",
]);

/** A key of a map, or the place in a list. */
type Step = string | number;

type Secret = {
  readonly path: readonly Step[];
  readonly value: unknown;
  readonly start: number;
  readonly end: number;
};

/**
 * `text` with a placeholder for the tokens of the admin port, for credentials that are sent as headers, for the address
 * of a database, and for those of webhooks, which often are keys themselves.
 */
export function redactSecrets(text: string): string {
  const secrets = findSecrets(text);
  // What cannot be read cannot be redacted either; it never was a running configuration.
  if (secrets === null) return "";
  const hidden = secrets.filter(({ value }) => !isReference(value));
  return replaceRanges(
    text,
    hidden.map(({ path, start, end }) => {
      const placeholder = placeholderOf(path.find((step) => typeof step === "number") ?? null);
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
    known.set(formatPath(path), source.includes("\n") ? JSON.stringify(value) : source);
  }
  const issues: Issue[] = [];
  const edits: { start: number; end: number; text: string }[] = [];
  for (const { path, value, start, end } of findSecrets(text) ?? []) {
    const item = itemOf(value);
    if (item === undefined) continue;
    const source = known.get(formatPath(path.map((step) => asItem(step, item))));
    if (source !== undefined) {
      edits.push({ start, end, text: source });
      continue;
    }
    const before = text.slice(0, start).split("\n");
    issues.push({
      path: formatPath(path),
      line: before.length,
      column: (before.at(-1) ?? "").length + 1,
      code: "redacted_secret",
      message: `"${placeholderOf(item)}" stands for a secret that the running configuration does not have`,
    });
  }
  return { text: replaceRanges(text, edits), issues };
}

/** The step as it was when the placeholder was put; nothing is found where that says no item of a list, or one of none. */
function asItem(step: Step, item: number | null): Step {
  return typeof step === "number" ? (item ?? -1) : step;
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
  const collect = (path: readonly Step[]) => {
    const node = scalarAt(document, path);
    const range = node?.range;
    if (node === null || range === null || range === undefined) return;
    found.push({ path, value: node.value, start: range[0], end: range[1] });
  };
  const collectHeaders = (path: readonly Step[]) => {
    for (const name of keysAt(document, path)) {
      if (secretHeaders.has(name.toLowerCase())) collect([...path, name]);
    }
  };
  const collectWebhook = (path: readonly Step[]) => {
    collect([...path, "webhook"]);
    collectHeaders([...path, "headers"]);
  };
  for (const name of ["token", "viewer_token"]) collect(["admin", name]);
  const secrets = ["listen", "signing_secrets"];
  for (const at of itemsAt(document, secrets)) collect([...secrets, at]);
  collectHeaders(["prometheus", "headers"]);
  collect(["store", "postgres"]);
  // Each vendor's collector calls its key otherwise.
  for (const name of keysAt(document, ["tracing", "headers"])) {
    collect(["tracing", "headers", name]);
  }
  collect(["insights", "api_key"]);
  const channels = ["alerts", "channels"];
  for (const at of itemsAt(document, channels)) collectWebhook([...channels, at]);
  for (const experiment of keysAt(document, ["experiments"])) {
    const of = ["experiments", experiment];
    for (const variant of keysAt(document, [...of, "variants"])) {
      collectHeaders([...of, "variants", variant, "headers", "set"]);
    }
    for (const rollout of ["rollout", "auto_rollout"]) {
      const steps = [...of, rollout, "steps"];
      for (const at of itemsAt(document, steps)) collectWebhook([...steps, at, "gate"]);
    }
  }
  return found;
}

function nodeAt(document: Document, path: readonly Step[]): Node | null {
  let node: unknown = document.contents;
  for (const step of path) {
    const inside = resolved(document, node);
    if (typeof step === "number") {
      if (!isSeq(inside)) return null;
      node = inside.items[step];
      continue;
    }
    if (!isMap(inside)) return null;
    node = inside.items.find(({ key }) => isScalar(key) && String(key.value) === step)?.value;
  }
  return resolved(document, node);
}

function scalarAt(document: Document, path: readonly Step[]): Scalar | null {
  const node = nodeAt(document, path);
  return isScalar(node) ? node : null;
}

function itemsAt(document: Document, path: readonly Step[]): number[] {
  const node = nodeAt(document, path);
  return isSeq(node) ? [...node.items.keys()] : [];
}

function keysAt(document: Document, path: readonly Step[]): string[] {
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
