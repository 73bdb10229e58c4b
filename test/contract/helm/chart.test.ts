import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { parse, stringify } from "yaml";
import { createAuthority } from "../../support/certificates.ts";
import { runCommandLine } from "../../support/command-line.ts";
import { chartPath, renderChart, runProgram } from "../../support/helm.ts";
import type { Container, Manifest } from "../../support/helm.ts";
import { checkManifests } from "../../support/kubernetes-types.ts";
import { valueSets } from "./value-sets.ts";

/** Rendered by the real Helm, checked against Kubernetes' types, each other and Sluice itself. */

const rendered: Record<string, readonly Manifest[]> = {};

beforeAll(async () => {
  await Promise.all(
    Object.entries(valueSets).map(async ([name, values]) => {
      const { manifests, complaint } = await renderChart(values);
      if (complaint !== "") throw new Error(`${name}: ${complaint}`);
      rendered[name] = manifests;
    }),
  );
});

const names = Object.keys(valueSets);
const set = (name: string): readonly Manifest[] => rendered[name] ?? [];
const only = (name: string, kind: string, suffix = ""): Manifest => {
  const found = set(name).filter(
    (manifest) => manifest.kind === kind && manifest.metadata.name.endsWith(suffix),
  );
  if (found.length !== 1) throw new Error(`${name} has ${found.length} × ${kind} …${suffix}`);
  return found[0] as Manifest;
};
/** What that key of the one ConfigMap with that suffix holds. */
const textOf = (name: string, suffix: string, key: string): string =>
  only(name, "ConfigMap", suffix).data?.[key] ?? "";
const configOf = (name: string): string => textOf(name, "sluice", "sluice.yaml");
const workload = (name: string): Manifest | undefined =>
  set(name).find(({ kind }) => kind === "Deployment");
const sluiceContainer = (name: string): Container | undefined =>
  workload(name)?.spec.template.spec.containers.find((one) => one.name === "sluice");

it("passes helm lint --strict", async () => {
  const examples = names.filter((name) => !name.startsWith("set-"));
  const lines = await Promise.all(
    examples.map((name) =>
      runProgram("helm", ["lint", chartPath, "--strict", "-f", "-"], valueSets[name]),
    ),
  );
  for (const { code, stdout, stderr } of lines)
    expect([code, stderr, stdout.includes("[ERROR]")]).toEqual([0, "", false]);
});

it("makes nothing but what Kubernetes and the Prometheus operator know, with the right types", () => {
  expect(names.length).toBeGreaterThanOrEqual(12);
  expect(checkManifests(rendered)).toEqual([]);
  // The check itself sees a field too many, one of a wrong type and one that is missing.
  const service = only("gateway", "Service", "sluice");
  const withSpec = (change: object) =>
    ({ ...service, spec: { ...service.spec, ...change } }) as unknown as Manifest;
  const wrong = [
    withSpec({ portz: [] }),
    withSpec({ ports: [{ port: "80" }] }),
    withSpec({ ports: [{ name: "http" }] }),
  ];
  expect(checkManifests({ wrong })).toHaveLength(3);
}, 60_000);

it.each(names)("%s: the configuration passes sluice check", async (name) => {
  const authority = configOf(name).includes("/etc/sluice-tls") ? createAuthority() : null;
  const { cert = "", key = "" } = authority?.issue("sluice") ?? {};
  authority?.remove();
  const podIp = configOf(name).includes("[${POD_IP}]") ? "fd00::3" : "10.1.2.3";
  const environment = Object.fromEntries(
    ((sluiceContainer(name) ?? patchOf(name)).env ?? []).map((one) => [
      one.name,
      one.value ?? (one.name === "POD_IP" ? podIp : environmentOf(one.name)),
    ]),
  );
  const { exitCode, stderr } = await runCommandLine(
    ["check", "sluice.yaml"],
    {
      "sluice.yaml": configOf(name),
      "/etc/sluice-tls/tls.crt": cert,
      "/etc/sluice-tls/tls.key": key,
    },
    environment,
  );
  expect([exitCode, stderr]).toEqual([0, ""]);
});

function environmentOf(name: string): string {
  if (name === "DATABASE_URL") return "postgres://sluice:secret@postgres:5432/sluice";
  return name === "SLACK_URL" ? "http://slack/hook" : `${name}-0123456789`;
}

function patchOf(name: string): Container {
  const patch = parse(textOf(name, "-patch", "patch.yaml")) as Manifest;
  return patch.spec.template.spec.containers[0] as Container;
}

it.each(names)("%s: what refers to something finds it", (name) => {
  const manifests = set(name);
  const has = (kind: string, wanted: string) =>
    manifests.some((manifest) => manifest.kind === kind && manifest.metadata.name === wanted);
  const isOwn = (wanted: string | undefined) => wanted?.startsWith("demo-sluice") === true;
  for (const { metadata } of manifests) {
    expect(metadata.name).toMatch(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/);
    for (const value of Object.values(metadata.labels ?? {})) {
      expect(value).toMatch(/^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/);
    }
  }
  const deployment = workload(name);
  if (deployment === undefined) return;
  const { metadata, spec } = deployment.spec.template;
  const mounted = new Set(spec.volumes.map((volume) => volume.name));
  for (const { configMap, persistentVolumeClaim: claim } of spec.volumes) {
    if (configMap !== undefined) expect(has("ConfigMap", configMap.name)).toBe(true);
    const wanted = claim?.claimName ?? "";
    if (isOwn(wanted)) expect(has("PersistentVolumeClaim", wanted)).toBe(true);
  }
  const ports = new Set<string>();
  for (const container of spec.containers) {
    for (const { name: port } of container.ports) {
      expect(port.length).toBeLessThanOrEqual(15);
      ports.add(port);
    }
    for (const { name: volume } of container.volumeMounts) expect(mounted).toContain(volume);
    const variables = (container.env ?? []).map((one) => one.name);
    expect(new Set(variables).size).toBe(variables.length);
    for (const { valueFrom } of container.env ?? []) {
      const secret = valueFrom?.secretKeyRef?.name ?? "";
      if (isOwn(secret)) expect(has("Secret", secret)).toBe(true);
    }
  }
  if (isOwn(spec.serviceAccountName)) {
    expect(has("ServiceAccount", spec.serviceAccountName)).toBe(true);
  }
  for (const manifest of manifests) {
    const { kind } = manifest;
    if (kind === "Service") {
      expect(metadata.labels).toMatchObject(manifest.spec.selector);
      for (const { targetPort } of manifest.spec.ports) expect(ports).toContain(targetPort);
    }
    const selector =
      manifest.spec?.selector?.matchLabels ?? manifest.spec?.podSelector?.matchLabels;
    if (selector !== undefined && kind !== "ServiceMonitor") {
      expect(metadata.labels).toMatchObject(selector);
    }
    if (kind === "ServiceMonitor") {
      const services = manifests.filter((one) => one.kind === "Service");
      const matching = services.filter((one) =>
        Object.entries(selector ?? {}).every(
          ([label, value]) => one.metadata.labels?.[label] === value,
        ),
      );
      expect(matching.map((one) => one.metadata.name)).toEqual(["demo-sluice-admin"]);
    }
    if (kind === "HorizontalPodAutoscaler") {
      expect(manifest.spec.scaleTargetRef.name).toBe(deployment.metadata.name);
      expect(deployment.spec).not.toHaveProperty("replicas");
    }
  }
});

it.each(names)(
  "%s: Sluice runs in the restricted profile, and its token is not its pod's",
  (name) => {
    const pod = workload(name)?.spec.template.spec;
    const container = sluiceContainer(name) ?? patchOf(name);
    expect(container.securityContext).toEqual({
      runAsNonRoot: true,
      runAsUser: 65532,
      runAsGroup: 65532,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
      seccompProfile: { type: "RuntimeDefault" },
    });
    if (pod !== undefined) expect(pod.automountServiceAccountToken).toBe(false);
    expect(JSON.stringify(pod ?? {})).not.toMatch(
      /hostPath|hostNetwork|hostPort|privileged"?: true/,
    );
  },
);

describe("what values decide", () => {
  const grace = (name: string) =>
    workload(name)?.spec.template.spec.terminationGracePeriodSeconds as number;

  it("gives a pod the time that Sluice takes to go, and the service beside it as long", () => {
    expect(grace("gateway")).toBe(45);
    expect(parse(configOf("gateway")).listen).toMatchObject({
      drain_delay: "5s",
      drain_deadline: "30s",
    });
    expect(grace("set-slow-drain")).toBe(10 + 600 + 15);
    const app = workload("sidecar")?.spec.template.spec.containers[1];
    expect(app?.lifecycle?.preStop.sleep.seconds).toBe(35);
  });

  it("replaces pods for every change (roll), or for those that need a restart (live)", async () => {
    const checksum = async (values: string) => {
      const { manifests } = await renderChart(values);
      const deployment = manifests.find(({ kind }) => kind === "Deployment");
      return deployment?.spec.template.metadata.annotations?.["checksum/sluice"] ?? "";
    };
    const gateway = valueSets["gateway"] as string;
    const roll = `${gateway}\nreload: roll\n`;
    const share = (text: string) => text.replace("share: 5%", "share: 6%");
    const workers = (text: string) =>
      text.replace("config:\n", "config:\n  listen: { workers: 2 }\n");
    expect(await checksum(share(gateway))).toBe(await checksum(gateway));
    expect(await checksum(workers(gateway))).not.toBe(await checksum(gateway));
    expect(await checksum(share(roll))).not.toBe(await checksum(roll));
  });

  it("ends the old pod first where both would have one volume", () => {
    expect(workload("gateway")?.spec.strategy).toEqual({ type: "Recreate" });
    expect(workload("gateway-replicas")?.spec.strategy).toMatchObject({
      rollingUpdate: { maxUnavailable: 0 },
    });
  });

  it("keeps what the configuration says and adds what the pod knows", () => {
    const { store, replica, admin } = parse(configOf("gateway-replicas"));
    expect(store).toEqual({ postgres: "${DATABASE_URL}", spool: "/var/lib/sluice/spool" });
    expect(replica).toEqual({ name: "${POD_NAME}", admin_url: "http://${POD_IP}:9090" });
    expect(admin).toMatchObject({ host: "0.0.0.0", token: "${SLUICE_ADMIN_TOKEN}" });
    expect(parse(configOf("set-ipv6")).replica.admin_url).toBe("http://[${POD_IP}]:9191");
  });

  it("leaves experiments that are given as text in their order", () => {
    expect(configOf("set-text")).toContain(
      "variants: { zed: { upstream: only, control: true }, abe:",
    );
    expect(Object.keys(parse(configOf("set-text")).experiments.models.variants)).toEqual([
      "zed",
      "abe",
    ]);
  });

  it("lets nobody to the admin port but replicas, the test and who is named", () => {
    const { spec } = only("gateway-replicas", "NetworkPolicy");
    expect(spec.policyTypes).toEqual(["Ingress", "Egress"]);
    expect(spec.ingress[1]?.from).toHaveLength(3);
    expect(only("sidecar", "NetworkPolicy").spec.ingress[0]).not.toHaveProperty("from");
  });
});

it("carries the dashboards and rules of config/, byte for byte", () => {
  const folder = (path: string) =>
    fileURLToPath(new URL(`../../../config/${path}`, import.meta.url));
  const dashboards = readdirSync(folder("grafana")).filter((file) => file.endsWith(".json"));
  for (const file of dashboards) {
    const text = readFileSync(join(folder("grafana"), file), "utf8");
    const suffix = `-dashboard-${file.replace(".json", "")}`;
    expect(textOf("gateway-replicas", suffix, `sluice-${file}`)).toBe(text);
  }
  const rules = set("gateway-replicas").filter(({ kind }) => kind === "PrometheusRule");
  const files = readdirSync(folder("prometheus")).filter((file) => file.endsWith("-rules.yaml"));
  expect(rules).toHaveLength(files.length);
  for (const file of files) {
    const text = readFileSync(join(folder("prometheus"), file), "utf8");
    const rule = rules.find(({ metadata }) => metadata.name.endsWith(file.replace(".yaml", "")));
    expect(rule?.spec).toEqual(parse(text));
  }
});

it("the patch puts Sluice beside a service that is there, as kubectl applies it", async () => {
  const deployment = {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "lightrag", namespace: "search" },
    spec: {
      selector: { matchLabels: { app: "lightrag" } },
      template: {
        metadata: { labels: { app: "lightrag" } },
        spec: {
          containers: [{ name: "lightrag", image: "lightrag:1", env: [{ name: "A", value: "1" }] }],
        },
      },
    },
  };
  const patch = textOf("sidecar-patch", "-patch", "patch.yaml");
  const line = ["patch", "--local", "-f", "-", "--patch", patch, "-o", "yaml"];
  const { code, stdout, stderr } = await runProgram("kubectl", line, stringify(deployment));
  expect([code, stderr]).toEqual([0, ""]);
  const patched = parse(stdout) as Manifest;
  expect(checkManifests({ patched: [patched] })).toEqual([]);
  const { metadata, spec } = patched.spec.template;
  expect(spec.containers.map((container) => container.name).toSorted()).toEqual([
    "lightrag",
    "sluice",
  ]);
  const app = spec.containers.find((container) => container.name === "lightrag");
  expect(app).toMatchObject({ image: "lightrag:1", env: [{ name: "A", value: "1" }] });
  expect(spec.terminationGracePeriodSeconds).toBe(45);
  for (const service of set("sidecar-patch").filter(({ kind }) => kind === "Service")) {
    expect(metadata.labels).toMatchObject(service.spec.selector);
  }
});

describe("values that cannot be", () => {
  const base = valueSets["gateway"] as string;
  it.each([
    ["a word for a number", "replicaCount: three", "at '/replicaCount': got string, want integer"],
    ["an unknown value", "replicas: 3", "additional properties 'replicas' not allowed"],
    ["an unknown mode", "mode: daemonset", "at '/mode': value must be one of 'gateway', 'sidecar'"],
    [
      "a port out of range",
      "ports: { admin: 70000 }",
      "at '/ports/admin': maximum: got 70,000, want 65,535",
    ],
    ["a secret without its key", "secretEnv: { A: { secret: x } }", "missing property 'key'"],
    [
      "a variable's name",
      "secretEnv: { a-b: { secret: x, key: y } }",
      "additional properties 'a-b' not allowed",
    ],
    [
      "a time with a unit",
      "drain: { delaySeconds: 5s }",
      "at '/drain/delaySeconds': got string, want integer",
    ],
    [
      "several replicas without PostgreSQL",
      "replicaCount: 3\npersistence: { enabled: false }",
      "replicaCount is 3, but config.store.postgres is not set",
    ],
    [
      "experiments twice",
      "experimentsText: 'a: {}'",
      "experimentsText: config.experiments is there, too",
    ],
    [
      "scaling without PostgreSQL",
      "autoscaling: { enabled: true }\npersistence: { enabled: false }",
      "autoscaling.enabled is true, but config.store.postgres is not set",
    ],
  ])("%s", async (_what, change, complaint) => {
    const values = { ...(parse(base) as object), ...(parse(change) as object) };
    expect((await renderChart(stringify(values))).complaint).toContain(complaint);
  });

  it.each([
    ["{}", "config.upstreams: name the services"],
    ["{ upstreams: { a: { url: 'http://a' } } }", "config.routes: without a route"],
    [
      "{ upstreams: { a: {} }, routes: [{}], listen: { port: 1 } }",
      "config.listen.port: the chart sets it",
    ],
    ["{ upstreams: { a: {} }, routes: [{}], admin: {} }", "config.admin: the chart sets it"],
  ])("config: %s", async (config, complaint) => {
    expect((await renderChart(`config: ${config}\n`)).complaint).toContain(complaint);
  });
});
