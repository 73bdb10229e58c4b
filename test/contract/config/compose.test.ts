import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { parseDockerfile } from "../../image/dockerfile.ts";
import { runCommandLine } from "../../support/command-line.ts";

/** `compose.yaml` fits the files that it mounts, the image that it builds, and itself. */

type Service = {
  readonly build?: string;
  readonly image: string;
  readonly ports?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
  readonly secrets?: readonly string[];
  readonly depends_on?: readonly string[];
  readonly stop_grace_period?: string;
};
type Compose = {
  readonly services: Readonly<Record<string, Service>>;
  readonly secrets: Readonly<Record<string, { readonly environment: string }>>;
  readonly volumes: Readonly<Record<string, null>>;
};

const compose = parse(readFileSync("compose.yaml", "utf8")) as Compose;
const services = Object.entries(compose.services);
const mountsOf = ({ volumes = [] }: Service) =>
  volumes.map((volume) => volume.split(":") as [string, string]);
const configText = readFileSync("config/compose/sluice/sluice.yaml", "utf8");

it.each(services)("%s: what it names is there", (_name, service) => {
  for (const [source] of mountsOf(service)) {
    if (source.startsWith("./")) expect([source, existsSync(source)]).toEqual([source, true]);
    else expect(compose.volumes).toHaveProperty(source);
  }
  for (const secret of service.secrets ?? []) expect(compose.secrets).toHaveProperty(secret);
  for (const other of service.depends_on ?? []) expect(compose.services).toHaveProperty(other);
  if (service.build !== undefined) {
    expect(existsSync(join(service.build, "Dockerfile"))).toBe(true);
  }
});

it("keeps every named volume for one service, and publishes no port twice", () => {
  const named = services.flatMap(([, service]) => mountsOf(service).map(([source]) => source));
  const volumes = named.filter((source) => !source.startsWith("./"));
  expect(volumes.toSorted()).toEqual(Object.keys(compose.volumes).toSorted());
  const ports = services.flatMap(([, { ports: published = [] }]) =>
    published.map((port) => port.split(":").at(-2)),
  );
  expect(new Set(ports).size).toBe(ports.length);
});

describe("Sluice in it", () => {
  const sluice = compose.services["sluice"] as Service;
  const image = parseDockerfile(readFileSync("Dockerfile", "utf8")).at(-1);

  it("has a configuration that is right, with the environment that it gets", async () => {
    const names = Object.keys(sluice.environment ?? {});
    const environment = Object.fromEntries(names.map((name) => [name, `${name}-0123456789`]));
    const files = { "sluice.yaml": configText };
    const { exitCode, stderr } = await runCommandLine(["check", "sluice.yaml"], files, environment);
    expect([exitCode, stderr]).toEqual([0, ""]);
  });

  it("goes by the image: its ports, its volume, its configuration's place", () => {
    const inside = sluice.ports?.map((port) => port.split(":").at(-1));
    expect(inside).toEqual(image?.ports);
    const places = mountsOf(sluice).map(([, place]) => place);
    expect(places).toEqual(["/etc/sluice", ...(image?.volumes ?? [])]);
    expect(image?.command).toContain("/etc/sluice/sluice.yaml");
  });

  it("sends traffic to services of the file, and has time to drain", () => {
    const config = parse(configText) as {
      readonly listen: { readonly drain_delay: string; readonly drain_deadline: string };
      readonly upstreams: Readonly<Record<string, { readonly url: string }>>;
    };
    for (const { url } of Object.values(config.upstreams)) {
      expect(compose.services).toHaveProperty(new URL(url).hostname);
    }
    const { drain_delay: delay, drain_deadline: deadline } = config.listen;
    expect(seconds(sluice.stop_grace_period)).toBeGreaterThan(seconds(delay) + seconds(deadline));
  });
});

function seconds(duration: string | undefined): number {
  const found = /^(\d+)s$/.exec(duration ?? "");
  return Number(found?.[1]);
}

it("Prometheus scrapes Sluice with the viewer's token, and Grafana asks that Prometheus", () => {
  const prometheus = parse(readFileSync("config/compose/prometheus.yaml", "utf8")) as {
    readonly rule_files: readonly string[];
    readonly scrape_configs: readonly {
      readonly authorization: { readonly credentials_file: string };
      readonly static_configs: readonly { readonly targets: readonly string[] }[];
    }[];
  };
  const [scrape] = prometheus.scrape_configs;
  const secret = scrape?.authorization.credentials_file.replace("/run/secrets/", "") ?? "";
  expect(compose.secrets).toHaveProperty(secret, { environment: "SLUICE_VIEWER_TOKEN" });
  expect(scrape?.static_configs[0]?.targets).toEqual(["sluice:9090"]);
  const rules = mountsOf(compose.services["prometheus"] as Service).map(([, place]) => place);
  expect(rules).toContain(prometheus.rule_files[0]?.replace(/\/[^/]*$/, ""));
  const source = parse(readFileSync("config/compose/grafana/datasource.yaml", "utf8")) as {
    readonly datasources: readonly { readonly url: string }[];
  };
  expect(new URL(source.datasources[0]?.url ?? "").hostname).toBe("prometheus");
  const { providers } = parse(readFileSync("config/compose/grafana/dashboards.yaml", "utf8")) as {
    readonly providers: readonly { readonly options: { readonly path: string } }[];
  };
  const grafana = mountsOf(compose.services["grafana"] as Service);
  expect(grafana.map(([, place]) => place)).toContain(providers[0]?.options.path);
});
