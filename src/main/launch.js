#!/usr/bin/env node
// Starts `sluice.ts` on the Node that this package pins, whatever Node npx found. Plain JavaScript,
// because it must run where TypeScript does not: any Node from 20 on.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { constants } from "node:os";
import { dirname, join, sep } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const nodeMajorMin = 26;
const here = dirname(fileURLToPath(import.meta.url));
const script = join(here, "sluice.ts");
/** Node strips no types under node_modules; there a hook must, and hooks need a process of their own. */
const isInstalled = here.split(sep).includes("node_modules");
const isNewEnough = Number.parseInt(process.versions.node, 10) >= nodeMajorMin;

/** The pinned Node: in this package's node_modules, or, where npm hoisted it, in one further up. */
function findNode() {
  for (let folder = here; ; folder = dirname(folder)) {
    const found = join(folder, "node_modules", "node", "bin", "node");
    if (existsSync(found)) return found;
    if (folder === dirname(folder)) return null;
  }
}

function runOn(node) {
  const hook = pathToFileURL(join(here, "strip-types.js")).href;
  const options = isInstalled ? ["--disable-warning=ExperimentalWarning", "--import", hook] : [];
  // The child decides what a signal means; this process only waits for it. A terminal's Ctrl-C goes to
  // both, and the child must not count it twice. One that comes while the child starts must not end this
  // process alone: it is seen once `spawn` has returned.
  const onTerminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(signal, () => {
      if (signal !== "SIGINT" || !onTerminal) child.kill(signal);
    });
  }
  const child = spawn(node, [...options, script, ...process.argv.slice(2)], { stdio: "inherit" });
  child.on("error", (error) => {
    console.error(`sluice: cannot start ${node}: ${error.message}`);
    process.exitCode = 1;
  });
  child.on("exit", (code, signal) => {
    process.exitCode = signal === null ? code : 128 + constants.signals[signal];
  });
}

if (isNewEnough && !isInstalled) {
  await import("./sluice.ts");
} else {
  const node = isNewEnough ? process.execPath : findNode();
  if (node === null) {
    console.error(
      `sluice: needs Node ${nodeMajorMin} or later; this is ${process.version}, and node_modules/node ` +
        "is missing. Run `npm install` (with install scripts allowed), or use a newer Node.",
    );
    process.exitCode = 1;
  } else {
    runOn(node);
  }
}
