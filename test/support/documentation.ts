import { readFileSync, readdirSync } from "node:fs";
import { parse, stringify } from "yaml";
import { sections } from "../../src/core/config/schema.ts";

/** The pages that people read, and what tests want to know of them. */

const folders = ["", "docs", "helm"] as const;

/** Every page, by its path from the root of the repository. */
export function listPages(): readonly string[] {
  return folders.flatMap((folder) =>
    readdirSync(folder === "" ? "." : folder)
      .filter((name) => name.endsWith(".md"))
      .map((name) => (folder === "" ? name : `${folder}/${name}`)),
  );
}

/** GitHub's anchors of a page's headings; a repeated heading gets -1, -2 and so on. */
export function anchorsOf(page: string): ReadonlySet<string> {
  const anchors = new Set<string>();
  for (const heading of withoutCode(readFileSync(page, "utf8")).matchAll(/^#{1,6} (.+)$/gm)) {
    const plain = (heading[1] ?? "").toLowerCase().replaceAll(/[^\p{L}\p{N}_\- ]/gu, "");
    const anchor = plain.replaceAll(" ", "-");
    let free = anchor;
    for (let again = 1; anchors.has(free); again += 1) free = `${anchor}-${again}`;
    anchors.add(free);
  }
  return anchors;
}

/** Links and pictures of a page that do not lead out of the repository, as they are written. */
export function relativeLinksOf(page: string): readonly string[] {
  const text = withoutCode(readFileSync(page, "utf8"));
  const links = Array.from(text.matchAll(/\]\(<?([^)\s>]+)>?\)/g), ([, target = ""]) => target);
  return links.filter((target) => !/^[a-z]+:/.test(target));
}

function withoutCode(text: string): string {
  return text.replaceAll(/^```[\s\S]*?^```/gm, "");
}

export type YamlBlock = { readonly page: string; readonly line: number; readonly text: string };

/** Every fenced block of YAML. */
export function yamlBlocksOf(page: string): readonly YamlBlock[] {
  const text = readFileSync(page, "utf8");
  return Array.from(text.matchAll(/^```yaml\n([\s\S]*?)^```/gm), (block) => ({
    page,
    line: text.slice(0, block.index).split("\n").length + 1,
    text: block[1] ?? "",
  }));
}

/** The file that a block is whole, when it begins with its name in a comment; null for a fragment of sluice.yaml. */
export function fileOf({ text }: YamlBlock): string | null {
  return /^# ([\w.-]+\.ya?ml)\b/.exec(text)?.[1] ?? null;
}

type Fragment = {
  upstreams?: Record<string, object>;
  routes?: { experiment?: string; upstream?: string }[];
  experiments?: Record<string, { variants?: Record<string, { upstream?: string }> }>;
};

/** A fragment of sluice.yaml with the upstreams, routes and experiments that it takes for granted. */
export function completeFragment(text: string): string {
  const written = parse(text) as Fragment;
  const strange = Object.keys(written).filter((key) => !Object.hasOwn(sections, key));
  if (strange.length > 0) throw new Error(`no sections of sluice.yaml: ${strange.join(", ")}`);
  const wanted = (written.routes ?? []).flatMap(({ experiment }) => experiment ?? []);
  const experiments = { ...written.experiments };
  for (const key of wanted) experiments[key] ??= {};
  for (const experiment of Object.values(experiments)) {
    experiment.variants ??= { old: { upstream: "old" }, new: { upstream: "new" } };
    const variants = Object.entries(experiment.variants);
    const hasControl = variants.some(([, variant]) => "control" in variant);
    if (!hasControl) Object.assign(variants[0]?.[1] ?? {}, { control: true });
  }
  const routes =
    written.routes ??
    Object.keys(experiments).map((key) => ({ match: `POST /${key}`, experiment: key }));
  const named = [
    ...Object.values(experiments).flatMap(({ variants = {} }) =>
      Object.values(variants).map(({ upstream }) => upstream ?? ""),
    ),
    ...routes.flatMap((route) => ("upstream" in route ? (route.upstream ?? []) : [])),
  ];
  const upstreams = { ...written.upstreams };
  for (const name of named) upstreams[name] ??= { url: "http://localhost:9621" };
  if (Object.keys(upstreams).length === 0) upstreams["any"] = { url: "http://localhost:9621" };
  if (routes.length === 0) {
    return stringify({
      ...written,
      upstreams,
      routes: [{ match: "/**", upstream: Object.keys(upstreams)[0] }],
    });
  }
  return stringify({ ...written, upstreams, routes, experiments });
}

/** What a text asks of the environment, each with a value that fits. */
export function environmentOf(text: string): Record<string, string> {
  const names = Array.from(text.matchAll(/\$\{(\w+)(?::-[^}]*)?\}/g), ([, name = ""]) => name);
  return Object.fromEntries(names.map((name) => [name, valueOf(name)]));
}

function valueOf(name: string): string {
  if (name.startsWith("DATABASE")) return "postgres://sluice:secret@db/sluice";
  return name.endsWith("URL") ? "http://localhost:1" : name;
}
