import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { startUpstream } from "../support/upstream.ts";
import { buildImage, extractContext } from "./build.ts";
import { startContainer } from "./container.ts";
import type { Container } from "./container.ts";
import { parseDockerfile } from "./dockerfile.ts";
import type { Stage } from "./dockerfile.ts";

/**
 * `npm run image:rehearse`: builds the image of HEAD as the Dockerfile says, without Docker, measures it, starts it as its
 * user over a read-only root, uses it, ends it. Exit code 1 and the reason when something is not as it should be.
 */

const repository = fileURLToPath(new URL("../..", import.meta.url));
const imageBytesMax = 250_000_000;

/** Of what the Dockerfile takes out: the demonstration's model; fonts are no modules. */
const importAll = `
const names = Object.keys(require("/app/package.json").dependencies);
const modules = names.filter((name) => !/^@energetic-ai|font/.test(name));
Promise.all(modules.map((name) => import(name))).then(() => process.exit(0), (error) => {
  console.error(error);
  process.exit(1);
});`;

if (process.getuid?.() !== 0) {
  console.error("image:rehearse needs root, for chroot and mounts.");
  process.exit(1);
}
const workPath = mkdtempSync(join(tmpdir(), "sluice-image-"));
// In memory (1.5 GB), because tens of thousands of files come and go.
execFileSync("mount", ["-t", "tmpfs", "tmpfs", workPath]);
try {
  await rehearse();
} finally {
  execFileSync("umount", ["--lazy", workPath]);
  rmSync(workPath, { recursive: true });
}

async function rehearse(): Promise<void> {
  const stages = parseDockerfile(readFileSync(join(repository, "Dockerfile"), "utf8"));
  const image = stages.at(-1) as Stage;
  const contextPath = join(workPath, "context");
  extractContext(repository, contextPath);
  const { rootPath } = buildImage(stages, { workPath, contextPath }, (line) => console.log(line));
  measure(rootPath);
  await use(image, rootPath);
  console.log("\nThe image was built, started read-only as its user, used and ended: all well.");
}

function measure(rootPath: string): void {
  const bytes = (path: string): number =>
    Number(execFileSync("du", ["-sb", join(rootPath, path)], { encoding: "utf8" }).split("\t")[0]);
  const parts = ["usr/local/bin/node", "lib", "lib64", "app/node_modules", "app/src", "app/dist"];
  console.log("\nSize in MB (10^6 bytes)");
  for (const part of parts) if (existsSync(join(rootPath, part))) show(part, bytes(part));
  const total = bytes(".");
  show("application layer", bytes("app"));
  show("image, unpacked", total);
  const tar = `tar -C "$1" -c . | gzip -6 | wc -c`;
  show("image, as pulled", Number(execFileSync("sh", ["-c", tar, "sh", rootPath])));
  expect(total < imageBytesMax, `the image has less than ${imageBytesMax / 1e6} MB`);
}

function show(what: string, bytes: number): void {
  console.log(`  ${what.padEnd(22)} ${(bytes / 1e6).toFixed(1).padStart(7)}`);
}

async function use(image: Stage, rootPath: string): Promise<void> {
  const upstream = await startUpstream();
  const [port, adminPort] = [await findFreePort(), await findFreePort()];
  const configPath = join(workPath, "config");
  const volumePath = join(workPath, "volume");
  mkdirSync(configPath);
  mkdirSync(volumePath);
  chownSync(volumePath, 65_532, 65_532);
  writeFileSync(join(configPath, "sluice.yaml"), configText(upstream.url, port, adminPort));
  // Others may pass: the temporary folder is this user's alone.
  chmodSync(workPath, 0o755);
  const withPort = { ...image.environment, SLUICE_ADMIN_PORT: String(adminPort) };
  const places = { rootPath, configPath, volumePath };
  const container = startContainer({ ...image, environment: withPort }, places);
  const exited = new Promise<number | null>((resolve) => container.child.once("exit", resolve));
  try {
    await listening(container);
    console.log("");
    await look(container, image, { port, adminPort, volumePath });
    process.kill(container.pid(), image.stopSignal ?? "SIGTERM");
    expect((await exited) === 0, `${image.stopSignal} ends it with 0`);
  } finally {
    if (container.child.exitCode === null) process.kill(container.pid(), "SIGKILL");
    await upstream.close();
  }
}

async function look(
  container: Container,
  image: Stage,
  { port, adminPort, volumePath }: { port: number; adminPort: number; volumePath: string },
): Promise<void> {
  const status = readFileSync(`/proc/${container.pid()}/status`, "utf8");
  expect(/^Uid:\t65532\t65532/m.test(status), "it runs as 65532");
  expect(/^NSpid:\t\d+\t1$/m.test(status), "it is PID 1");
  expect(/^CapEff:\t0+$/m.test(status), "it has no capabilities");
  const answer = await fetch(`http://127.0.0.1:${port}/x`, { headers: { "x-user-id": "ann" } });
  expect(answer.headers.has("x-sluice-variant"), "a request is answered by a variant");
  const page = await fetch(`http://127.0.0.1:${adminPort}/`);
  expect((await page.text()).includes("<script"), "the dashboard is there");
  const check = await container.execute(image.healthCheck);
  expect(check.code === 0, "the health check says that it is well", check.output);
  const write = "require('fs').writeFileSync('/app/x', '')";
  const refused = await container.execute(["node", "-e", write]);
  expect(refused.output.includes("EROFS"), "nothing can be written to its root");
  expect(statSync(join(volumePath, "sluice.db")).size > 0, "its store is in the volume");
  const sluice = image.entrypoint;
  const admin = `http://127.0.0.1:${adminPort}`;
  const imports = await container.execute(["node", "-e", importAll]);
  expect(imports.code === 0, "every dependency can be imported", imports.output);
  const commands = [
    ["check", "/etc/sluice/sluice.yaml"],
    ["watch", "--once", "--url", admin],
    ["report", "it", "-f", "pdf", "-o", "/var/lib/sluice/report.pdf", "--admin", admin],
    ["report", "it", "-f", "html", "-o", "/var/lib/sluice/report.html", "--admin", admin],
    ["load", `http://127.0.0.1:${port}/x`, "--rate", "20", "--for", "1s", "--allow-invalid"],
  ];
  for (const command of commands) {
    const { code, output } = await container.execute([...sluice, ...command]);
    expect(code === 0, `sluice ${command.slice(0, 4).join(" ")} works`, output);
  }
  const pdf = readFileSync(join(volumePath, "report.pdf"));
  expect(pdf.subarray(0, 5).toString() === "%PDF-" && pdf.length > 20_000, "the PDF has its fonts");
}

function configText(url: string, port: number, adminPort: number): string {
  return `listen: { host: 127.0.0.1, port: ${port} }
admin: { host: 127.0.0.1, port: ${adminPort} }
store: { sqlite: /var/lib/sluice/sluice.db }
upstreams:
  one: { url: "${url}" }
  other: { url: "${url}" }
routes:
  - { match: "/**", experiment: it }
experiments:
  it:
    variants: { one: { upstream: one, control: true }, other: { upstream: other } }
`;
}

function listening({ child }: Container): Promise<void> {
  return new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      if (line.includes('"msg":"listening"')) resolve();
    });
    child.once("exit", (code) => reject(new Error(`it ended with ${code} before it listened`)));
  });
}

function expect(isSo: boolean, what: string, otherwise = ""): void {
  if (!isSo) throw new Error(`not so: ${what}\n${otherwise}`);
  console.log(`  ✓ ${what}`);
}

async function findFreePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
