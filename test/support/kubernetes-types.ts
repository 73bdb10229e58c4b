import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Manifest } from "./helm.ts";

/**
 * Checks manifests against Kubernetes' types as the TypeScript compiler does: unknown fields, missing ones and
 * values of a wrong type. The types are made from Kubernetes' OpenAPI; those of the Prometheus operator are below.
 */

const root = fileURLToPath(new URL("../..", import.meta.url));

const operatorTypes = `
type Scrape = { port: string; path: string; interval: string;
  authorization: { type: "Bearer"; credentials: { name: string; key: string } } };
type Selector = { matchLabels: Record<string, string> };
type Rule = { expr: string; labels?: Record<string, string>; annotations?: Record<string, string> }
  & ({ record: string } | { alert: string; for?: string; keep_firing_for?: string });
type Custom<Kind, Spec> = { apiVersion: "monitoring.coreos.com/v1"; kind: Kind; metadata: ObjectMeta; spec: Spec };
type ServiceMonitor = Custom<"ServiceMonitor", { selector: Selector; endpoints: Scrape[] }>;
type PodMonitor = Custom<"PodMonitor", { selector: Selector; podMetricsEndpoints: Scrape[] }>;
type PrometheusRule = Custom<"PrometheusRule",
  { groups: { name: string; interval?: string; rules: Rule[] }[] }>;
`;

/** The module of kubernetes-types that has this version's types; null for the operator's. */
function moduleOf(apiVersion: string): string | null {
  const [group, version] = apiVersion.includes("/") ? apiVersion.split("/") : ["core", apiVersion];
  const name = group?.split(".")[0];
  return name === "monitoring" ? null : `kubernetes-types/${name}/${version}`;
}

/** Every complaint of the compiler, a line each, with the name that the set of manifests was given. */
export function checkManifests(sets: Readonly<Record<string, readonly Manifest[]>>): string[] {
  const parent = join(root, "node_modules", ".cache");
  mkdirSync(parent, { recursive: true });
  const folder = mkdtempSync(join(parent, "sluice-manifests-"));
  try {
    for (const [name, manifests] of Object.entries(sets)) {
      writeFileSync(join(folder, `${name}.ts`), describe(manifests));
    }
    const line = ["--noEmit", "--strict", "--skipLibCheck", "--ignoreConfig", "--types", ""];
    const files = Object.keys(sets).map((name) => join(folder, `${name}.ts`));
    const compiler = join(root, "node_modules", ".bin", "tsc");
    const module_ = ["--module", "esnext", "--moduleResolution", "bundler", "--target", "esnext"];
    const { stdout, status } = spawnSync(compiler, [...line, ...module_, ...files], {
      encoding: "utf8",
      cwd: folder,
    });
    if (status === 0) return [];
    return stdout.split("\n").filter((text) => text !== "");
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function describe(manifests: readonly Manifest[]): string {
  const declarations = manifests.map((manifest, at) => {
    const { apiVersion, kind } = manifest;
    const module_ = moduleOf(apiVersion);
    const type = module_ === null ? kind : `import("${module_}").${kind}`;
    return `export const ${kind}${at}: ${type} = ${JSON.stringify(manifest, null, 1)};`;
  });
  const head = `import type { ObjectMeta } from "kubernetes-types/meta/v1";\n${operatorTypes}`;
  return [head, ...declarations].join("\n");
}
