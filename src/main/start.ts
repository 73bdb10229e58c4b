import { readFileSync } from "node:fs";
import { runDemo } from "../faces/demo/demo.ts";
import { parseDemoOptions } from "../faces/demo/options.ts";
import { spawnEmbeddingService } from "./embedding-thread.ts";
import { startSluice, StartError } from "./sluice-process.ts";
import { realClock, realRandom, realTimers } from "./system.ts";

/** `npm start`: the demonstration. */

const manifest = JSON.parse(
  readFileSync(new URL("../../package.json", import.meta.url), "utf8"),
) as { version: string };

const io = {
  stdout: (text: string) => void process.stdout.write(text),
  stderr: (text: string) => void process.stderr.write(text),
  terminalColumns: () => (process.stdout.isTTY ? process.stdout.columns : null),
};

const portHint = "\nOther ports: npm start -- --port 8081 --admin-port 9091 (0 takes any free one)";

/** npm passes a Ctrl-C on that the terminal has sent already; only a later one means hurry. */
const doubledSignalMs = 500;

function onInterrupt(run: () => void): void {
  let firstMs: number | null = null;
  const take = () => {
    const nowMs = realClock.monotonicMs();
    if (firstMs !== null && nowMs - firstMs > doubledSignalMs) process.exit(130);
    firstMs ??= nowMs;
    run();
  };
  process.on("SIGINT", take);
  process.on("SIGTERM", take);
}

async function main(): Promise<number> {
  const options = parseDemoOptions(process.argv.slice(2), io);
  if (!options.ok) return options.error;
  try {
    return await runDemo(options.value, {
      io,
      clock: realClock,
      timers: realTimers,
      random: realRandom,
      startService: spawnEmbeddingService,
      startSluice: (configText) => startSluice({ configText, env: {}, version: manifest.version }),
      onInterrupt,
    });
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const issues = error instanceof StartError ? error.issues : [];
    const hint = error instanceof StartError && issues.length === 0 ? portHint : "";
    const details = issues.map(({ path, message }) => `\n  ${path}: ${message}`).join("");
    io.stderr(`npm start: ${error.message}${details}${hint}\n`);
    return 1;
  }
}

process.exitCode = await main();
