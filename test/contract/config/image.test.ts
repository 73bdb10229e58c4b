import { existsSync, readFileSync } from "node:fs";
import { validate } from "dockerfile-utils";
import { expect, it } from "vitest";
import { keptNames } from "../../image/build.ts";
import { parseDockerfile } from "../../image/dockerfile.ts";
import { defaults } from "../../../src/core/config/defaults.ts";

/** The Dockerfile on paper; `npm run image:rehearse` performs it (needs root and minutes). */

const text = readFileSync("Dockerfile", "utf8");
const stages = parseDockerfile(text);
const image = stages.at(-1);

it("has nothing that the linter minds, and the linter minds what is wrong", () => {
  expect(validate(text)).toEqual([]);
  expect(validate(text.replace("EXPOSE 8080", "EXPOSE http"))).toHaveLength(1);
});

it("comes from one pinned base, by the lock file, with production dependencies", () => {
  expect(stages.map(({ base }) => base)).toEqual(["node:26.10.0-slim", "base", "base", "scratch"]);
  const pinned = parseDockerfile(text.replace("ARG NODE_DIGEST=", "ARG NODE_DIGEST=sha256:abc"));
  expect(pinned[0]?.base).toBe("node:26.10.0-slim@sha256:abc");
  const runs = stages.flatMap(({ steps }) => steps.filter((step) => step.kind === "run"));
  const installs = runs.map(({ command }) => command).filter((command) => /\bnpm\b/.test(command));
  expect(installs).toEqual(["npm ci --ignore-scripts", "npm ci --omit=dev --ignore-scripts"]);
  const { devDependencies } = JSON.parse(readFileSync("package.json", "utf8")) as {
    devDependencies: Record<string, string>;
  };
  expect(devDependencies["node"]).toBe("^26.10.0");
});

it("copies only what .dockerignore leaves, and that is there", () => {
  const kept = keptNames(readFileSync(".dockerignore", "utf8"));
  const copied = stages.flatMap(({ steps }) =>
    steps.flatMap((step) => (step.kind === "copy" && step.from === null ? step.sources : [])),
  );
  for (const source of copied) expect([source, existsSync(source)]).toEqual([source, true]);
  expect(new Set(copied.map((source) => source.replace("./", "")))).toEqual(kept);
});

it("ends as a numeric user, says how it is stopped and how it is well, and carries labels", () => {
  expect(image).toMatchObject({
    user: "65532:65532",
    stopSignal: "SIGTERM",
    volumes: ["/var/lib/sluice"],
    ports: [String(defaults.listen.port), String(defaults.admin.port)],
    entrypoint: ["node", "/app/src/main/sluice.ts"],
  });
  expect(image?.healthCheck[0]).toBe("node");
  expect(image?.labels["org.opencontainers.image.licenses"]).toBe("MIT");
  const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };
  expect(image?.labels["org.opencontainers.image.version"]).toBe(version);
});
