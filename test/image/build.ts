import { execFileSync, spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { Stage, Step } from "./dockerfile.ts";

/**
 * Performs a Dockerfile's stages without Docker: each stage is an overlay over this machine's Debian, with the Node that
 * this project pins as its node, and its commands run in a chroot there. Needs root.
 */

export type Built = {
  /** The last stage's files, and nothing of the machine's. */
  readonly rootPath: string;
};

/** Builds all stages in `workPath` from the context in `contextPath`; the last one starts from scratch. */
export function buildImage(
  stages: readonly Stage[],
  { workPath, contextPath }: { readonly workPath: string; readonly contextPath: string },
  say: (line: string) => void,
): Built {
  const uppers = new Map<string, string>();
  const directories = new Map<string, string>();
  let upper = "";
  for (const [at, stage] of stages.entries()) {
    upper = join(workPath, `stage-${at}`);
    const parent = uppers.get(stage.base);
    if (parent !== undefined) execFileSync("cp", ["-a", parent, upper]);
    else mkdirSync(upper);
    if (stage.base.startsWith("node:")) installNode(upper);
    else if (parent === undefined && stage.base !== "scratch") {
      throw new Error(`FROM ${stage.base} is not rehearsed`);
    }
    const inherited = directories.get(stage.base) ?? "/";
    const directory = stage.directory === "/" ? inherited : stage.directory;
    mkdirSync(join(upper, directory), { recursive: true });
    for (const step of stage.steps) {
      say(`${stage.name ?? "image"}: ${describe(step)}`);
      if (step.kind === "run") runStep(step.command, directory, upper, workPath);
      else copyStep(step, directory, upper, { contextPath, uppers });
    }
    if (stage.name !== null) {
      uppers.set(stage.name, upper);
      directories.set(stage.name, directory);
    }
  }
  return { rootPath: upper };
}

/** Copies what `.dockerignore` leaves of the commit at HEAD. */
export function extractContext(repository: string, contextPath: string): void {
  mkdirSync(contextPath);
  const archive = execFileSync("git", ["-C", repository, "archive", "HEAD"], {
    maxBuffer: 512 * 1024 * 1024,
  });
  execFileSync("tar", ["-x", "-C", contextPath], { input: archive });
  const kept = keptNames(readFileSync(join(contextPath, ".dockerignore"), "utf8"));
  for (const name of readdirSync(contextPath)) {
    if (!kept.has(name)) rmSync(join(contextPath, name), { recursive: true });
  }
}

/** The top-level names that a `.dockerignore` of the form `*`, `!name` leaves. */
export function keptNames(text: string): ReadonlySet<string> {
  const [first, ...others] = text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
  if (first !== "*" || others.some((line) => !/^![\w.-]+$/.test(line))) {
    throw new Error(".dockerignore: only * and then !name are understood");
  }
  return new Set(others.map((line) => line.slice(1)));
}

/** The base image's node is the one that this project pins. */
function installNode(upper: string): void {
  mkdirSync(join(upper, "usr/local/bin"), { recursive: true });
  copyFileSync(process.execPath, join(upper, "usr/local/bin/node"));
}

function describe(step: Step): string {
  const text =
    step.kind === "run" ? `RUN ${step.command}` : `COPY ${step.sources.join(" ")} ${step.target}`;
  return text.length > 100 ? `${text.slice(0, 97)}…` : text;
}

/** What the registry needs to be found as this machine finds it; nothing that `npm run` sets. */
function environment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !name.startsWith("npm_") || name === "npm_config_registry",
  );
  const path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  return { ...Object.fromEntries(kept), PATH: path };
}

function runStep(command: string, directory: string, upper: string, workPath: string): void {
  const merged = join(workPath, "merged");
  const scratch = join(workPath, "overlay-work");
  mkdirSync(merged, { recursive: true });
  mkdirSync(scratch, { recursive: true });
  const options = `lowerdir=/,upperdir=${upper},workdir=${scratch}`;
  const script = `set -e
mount -t overlay overlay -o "$1" "$2"
mount -t proc proc "$2/proc"
mount --rbind /dev "$2/dev"
mkdir -p "$HOME/.npm" && mount --rbind "$HOME/.npm" "$2/$HOME/.npm"
cd /
exec chroot "$2" /bin/sh -c 'cd "$1" && eval "$2"' sh "$3" "$4"`;
  const line = ["--mount", "--pid", "--fork", "sh", "-c", script, "sh"];
  const { status, stderr, stdout } = spawnSync(
    "unshare",
    [...line, options, merged, directory, command],
    { encoding: "utf8", env: environment(), maxBuffer: 64 * 1024 * 1024 },
  );
  rmSync(scratch, { recursive: true, force: true });
  if (status !== 0) throw new Error(`RUN ${command}\nended with ${status}\n${stdout}${stderr}`);
}

function copyStep(
  { from, owner, sources, target }: Extract<Step, { kind: "copy" }>,
  directory: string,
  upper: string,
  { contextPath, uppers }: { contextPath: string; uppers: ReadonlyMap<string, string> },
): void {
  const sourceRoot = from === null ? contextPath : uppers.get(from);
  if (sourceRoot === undefined) throw new Error(`COPY --from=${from}: there is no such stage`);
  const absolute = target.startsWith("/") ? target : join(directory, target);
  const intoDirectory = target.endsWith("/") || sources.length > 1;
  for (const source of sources) {
    const path = join(sourceRoot, source);
    if (!existsSync(path)) throw new Error(`COPY: ${source} is not there`);
    const destination = join(upper, absolute);
    mkdirSync(intoDirectory ? destination : dirname(destination), { recursive: true });
    const line = ["-r", "--preserve=mode,timestamps,links", "--no-target-directory"];
    // A folder's content is copied, not the folder itself, also into one that is there.
    const isFile = statSync(path).isFile();
    const place =
      isFile && intoDirectory ? join(destination, source.split("/").at(-1) ?? "") : destination;
    execFileSync("cp", [...line, path, place]);
    if (owner !== null) execFileSync("chown", ["-R", owner, destination]);
  }
}
