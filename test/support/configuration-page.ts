import { configurationExamples } from "./configuration-examples.ts";

/** docs/configuration.md, made of the JSON Schema that `sluice schema` prints. */

type Schema = {
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly "x-type"?: string;
};

/** Sections of their own below the top-level ones; every other map is written as dotted keys. */
const headings = new Set([
  "alerts.rules",
  "alerts.channels[]",
  "experiments.KEY",
  "experiments.KEY.variants.KEY",
  "experiments.KEY.assignment",
  "experiments.KEY.rollout",
  "experiments.KEY.guardrails[]",
]);
/** Written as another section is. */
const aliases: Readonly<Record<string, string>> = {
  "experiments.KEY.auto_rollout": "experiments.KEY.rollout",
};

const intro = `# Configuration

One file in YAML (or JSON). This page is made from its schema by \`npm run reference\`; \`npx sluice schema\` prints the schema
for editors, \`npx sluice check sluice.yaml\` says everything that is wrong with a file, with its line.

- **Durations** are \`250ms\`, \`5s\`, \`10m\`, \`24h\`, \`7d\`; **shares** \`5%\` or \`0.05\`; **sizes** \`64KiB\`, \`100MB\`.
- Any text may hold \`\${NAME}\` or \`\${NAME:-default}\` of the environment; \`$\${\` is a literal \`\${\`.
- A key that nobody knows is an error, with the nearest that is known. Names start with a letter and have at most 64 letters, digits, dots, dashes and underscores.
- \`KEY\` in a heading is a name that you choose; \`[]\` is an entry of a list.
`;

/** The page, Markdown. `root` is the schema of the whole file. */
export function describeConfiguration(root: object): string {
  const { properties = {} } = root as Schema;
  const sections = Object.entries(properties)
    .filter(([key]) => key !== "$schema")
    .map(([key, schema]) => describeSection(key, schema, 2));
  return `${intro}\n${sections.join("\n")}`;
}

function describeSection(path: string, written: Schema, level: number): string {
  const schema = entryOf(path, written);
  const at = schema.type === "array" || isMap(schema) ? childPath(path, schema) : path;
  const rows: string[] = [];
  const further: [string, Schema][] = [];
  const table =
    path === "alerts.rules"
      ? describeRules(schema)
      : collectRows(at, at, childOf(at, schema), rows, further) || tableOf(rows);
  const title = at === path || level > 2 ? at : path;
  const example = configurationExamples[path];
  const about = splitDefault(written).description;
  const text = [
    `${"#".repeat(level)} \`${title}\``,
    ...(about === "" ? [] : [`${capital(about)}.`]),
    ...(example === undefined ? [] : [`\`\`\`yaml\n${example.trim()}\n\`\`\``]),
    table,
  ].filter((part) => part !== "");
  const inner = further.map(([key, child]) => describeSection(key, child, level + 1));
  return [`${text.join("\n\n")}\n`, ...inner].join("\n");
}

/** Adds a row for each key below `path`, and what has a section of its own to `further`. Gives an empty text. */
function collectRows(
  base: string,
  path: string,
  schema: Schema,
  rows: string[],
  further: [string, Schema][],
): string {
  for (const [key, written] of Object.entries(schema.properties ?? {})) {
    const at = `${path}.${key}`;
    const child = objectOf(written);
    const name = at.slice(base.length + 1);
    const isRequired = schema.required?.includes(key) ?? false;
    const own = [at, `${at}[]`, `${at}.KEY`].find((one) => headings.has(one));
    const target = own ?? aliases[at];
    if (target !== undefined) {
      rows.push(rowOf(name, written, isRequired, `see [\`${target}\`](#${anchorOf(target)})`));
      if (own !== undefined) further.push([own, written]);
    } else if (child?.properties !== undefined) {
      rows.push(rowOf(name, written, isRequired));
      collectRows(base, at, child, rows, further);
    } else if (hasEntries(written)) {
      rows.push(rowOf(name, written, isRequired));
      const list = objectOrList(written);
      const inner = childPath(at, list);
      collectRows(base, inner, childOf(inner, list), rows, further);
    } else rows.push(rowOf(name, written, isRequired));
  }
  return "";
}

function rowOf(name: string, schema: Schema, isRequired: boolean, more = ""): string {
  const { description, fallback } = splitDefault(schema);
  const value = isRequired ? "required" : fallback;
  const words = [capital(description), more].filter((part) => part !== "").join("; ");
  return `| \`${name}\` | ${cell(typeOf(schema))} | ${cell(value)} | ${cell(words)} |`;
}

function tableOf(rows: readonly string[]): string {
  if (rows.length === 0) return "";
  return ["| key | type | default | |", "|---|---|---|---|", ...rows].join("\n");
}

/** Alert rules are alike, so they are one table: a row for each, with its defaults. */
function describeRules(schema: Schema): string {
  const fields = ["limit", "for", "clear", "severity"] as const;
  const rules = Object.entries(schema.properties ?? {});
  const latencies = rules.map(([key]) => key).filter((key) => key.startsWith("latency_"));
  const [first = "", last = ""] = [latencies[0], latencies.at(-1)];
  const shown = rules.filter(([key]) => key === first || !latencies.includes(key));
  const rows = shown.map(([key, rule]) => {
    const name = key === first ? `\`${first}\` … \`${last}\`` : `\`${key}\``;
    const { properties = {} } = objectOf(rule) ?? {};
    const cells = fields.map((field) => {
      const found = properties[field];
      return found === undefined ? "" : cell(splitDefault(found).fallback);
    });
    return `| ${name} | ${cell(capital(rule.description ?? ""))} | ${cells.join(" | ")} |`;
  });
  return [
    "Each is `off` or a map of `limit`, `for` (how long it has to last to fire), `clear` (how long it has to be gone to be resolved) and",
    "`severity` (`critical`, `warning`, `info`). `error_rate` and latencies have `min_requests`, too: requests in the last minute below",
    "which they say nothing (100). These are the defaults:",
    "",
    "| rule | fires when | limit | for | clear | severity |",
    "|---|---|---|---|---|---|",
    ...rows,
  ].join("\n");
}

/** A default that only the description tells is told apart from it. */
function splitDefault(schema: Schema): { readonly description: string; readonly fallback: string } {
  const { description = objectOrList(schema).description ?? "" } = schema;
  const written = /^(?:(.*)[;.] |)default:? (.+)$/i.exec(description);
  if ((schema.default ?? null) === null && written !== null) {
    return { description: written[1] ?? "", fallback: written[2] ?? "" };
  }
  return { description, fallback: valueText(schema.default) };
}

function valueText(value: unknown): string {
  if (value === undefined) return "";
  if (value === null || (Array.isArray(value) && value.length === 0)) return "none";
  if (Array.isArray(value)) return value.map(valueText).join(", ");
  const isPlain =
    typeof value === "string" || typeof value === "number" || typeof value === "boolean";
  return isPlain ? `\`${value}\`` : "";
}

function typeOf(schema: Schema): string {
  if (schema["x-type"] !== undefined) return schema["x-type"];
  if (schema.const !== undefined) return valueText(schema.const);
  const { anyOf } = schema;
  if (anyOf !== undefined) return unionOf(anyOf);
  if (schema.enum !== undefined) return schema.enum.map(valueText).join(", ");
  if (schema.type === "array")
    return `list${schema.items === undefined ? "" : ` of ${plural(typeOf(schema.items))}`}`;
  if (schema.type === "object") return "map";
  if (Array.isArray(schema.type)) return "number or text";
  return schema.type === "string" ? "text" : String(schema.type ?? "any");
}

function unionOf(all: readonly Schema[]): string {
  if (all.some((one) => one.type === "boolean" && one.const === undefined)) return "true or false";
  const known = all.filter(({ type }) => type !== "null").map(typeOf);
  return [...new Set(known)].join(" or ");
}

function plural(word: string): string {
  return { text: "texts", map: "maps" }[word] ?? word;
}

/** The map or list behind a choice that has one, such as “null or a map”. */
function objectOrList(schema: Schema): Schema {
  const found = schema.anyOf?.find(({ type }) => type === "object" || type === "array");
  return found ?? schema;
}

function objectOf(schema: Schema): Schema | undefined {
  const found = objectOrList(schema);
  return found.properties === undefined ? undefined : found;
}

function isMap(schema: Schema): boolean {
  return typeof schema.additionalProperties === "object" && schema.properties === undefined;
}

function entryOf(path: string, schema: Schema): Schema {
  const found = objectOrList(schema);
  const isEntry = path.endsWith("[]") || path.endsWith(".KEY");
  return isEntry ? innerOf(found) : found;
}

function innerOf(schema: Schema): Schema {
  if (schema.type === "array") return schema.items ?? {};
  return isMap(schema) ? (schema.additionalProperties as Schema) : schema;
}

function childPath(path: string, schema: Schema): string {
  return `${path}${schema.type === "array" ? "[]" : ".KEY"}`;
}

function childOf(path: string, schema: Schema): Schema {
  const inner = path.endsWith("[]") || path.endsWith(".KEY") ? innerOf(schema) : schema;
  return objectOf(inner) ?? inner;
}

function hasEntries(schema: Schema): boolean {
  const found = objectOrList(schema);
  return objectOf(innerOf(found)) !== undefined;
}

/** GitHub's anchor of a heading. */
function anchorOf(heading: string): string {
  return heading.toLowerCase().replaceAll(/[^\w\- ]/g, "");
}

function capital(text: string): string {
  return /^[a-z]+(?:[ ,]|$)/.test(text) ? `${text[0]?.toUpperCase()}${text.slice(1)}` : text;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("<", "&lt;");
}
