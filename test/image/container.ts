import { execFile, spawn } from "node:child_process";
import type { ChildProcessByStdio } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import type { Stage } from "./dockerfile.ts";

/** A process in the image as Docker starts it with `--read-only`: its user, PID 1, no more privileges, one volume. */

export type Container = {
  readonly child: ChildProcessByStdio<null, Readable, null>;
  /** Its PID outside. */
  pid(): number;
  /** What a command in the same image, as the same user, over the same volume, ends with. */
  execute(command: readonly string[]): Promise<Executed>;
};

type Executed = { readonly code: number; readonly output: string };

type Places = {
  readonly rootPath: string;
  readonly configPath: string;
  readonly volumePath: string;
};

const script = `set -e
inside="$PATH"; PATH=/usr/sbin:/usr/bin
root="$1"; config="$2"; volume="$3"; user="$4"; group="$5"; directory="$6"; shift 6
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount --bind "$config" "$root/etc/sluice"
mount -o remount,bind,ro "$root/etc/sluice"
mount --bind "$volume" "$root/var/lib/sluice"
mount -o remount,bind,ro "$root"
PATH="$inside"
exec /usr/bin/setpriv --no-new-privs --bounding-set=-all,+setuid,+setgid,+sys_chroot \\
  /usr/bin/unshare --root="$root" --wd="$directory" --setuid="$user" --setgid="$group" "$@"`;

const unshare = "/usr/bin/unshare";

export function startContainer(image: Stage, places: Places): Container {
  // A container runtime makes these before it makes the root read-only.
  for (const path of ["proc", "dev", "etc/sluice"]) {
    mkdirSync(join(places.rootPath, path), { recursive: true });
  }
  const child = spawn(unshare, lineOf(image, places, [...image.entrypoint, ...image.command]), {
    stdio: ["ignore", "pipe", "inherit"],
    env: image.environment,
  });
  return {
    child,
    pid: () => Number(readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, "utf8").trim()),
    execute: (command) =>
      new Promise((resolve) => {
        const options = { env: image.environment, timeout: 60_000 };
        const line = lineOf(image, places, command);
        execFile(unshare, line, options, (error, stdout, stderr) => {
          const code = error === null ? 0 : typeof error.code === "number" ? error.code : 1;
          resolve({ code, output: stdout + stderr });
        });
      }),
  };
}

function lineOf(image: Stage, places: Places, command: readonly string[]): string[] {
  const { rootPath, configPath, volumePath } = places;
  const [user = "0", group = "0"] = (image.user ?? "").split(":");
  const before = ["--mount", "--pid", "--fork", "/bin/sh", "-c", script, "sh"];
  return [...before, rootPath, configPath, volumePath, user, group, image.directory, ...command];
}
