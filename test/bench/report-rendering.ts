import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { HistoryColumns } from "../../src/core/report/facts.ts";
import { renderPdf } from "../../src/faces/report/pdf/pdf.ts";
import { renderReport, type WholeFacts } from "../../src/faces/report/render.ts";
import { reportFormats, type ReportFormat } from "../../src/wire/report-api.ts";
import { readReport } from "../../src/wire/report-reading.ts";
import { clearWin } from "../support/report/cases.ts";
import { columnsOf } from "../support/report/measured.ts";

/**
 * `npm run bench:report`: how long a report over 7 days of 10 s history of 3 variants takes in each format, from its JSON on,
 * and how much memory. `-- --folder DIR` keeps the reports.
 */

const stretchMs = 10_000;
const stretches = (7 * 86_400_000) / stretchMs;
const secondsMax = 3;
const megabytesMax = 300;

const { values } = parseArgs({ options: { folder: { type: "string" }, one: { type: "string" } } });

function factsOfAWeek(): WholeFacts {
  const fromMs = Date.parse("2026-11-21T14:00:00Z");
  const variants: Record<string, HistoryColumns> = {};
  for (const [at, variant] of ["full", "compact", "distilled"].entries()) {
    const service = {
      variant,
      requests: stretches * 40,
      users: 9000,
      medianMs: 180 - at * 20,
      tokens: 240,
    };
    variants[variant] = columnsOf(service, stretches, at + 1);
  }
  return {
    ...clearWin,
    range: { from: new Date(fromMs).toISOString(), to: clearWin.range.to },
    history: {
      ...clearWin.history,
      step_seconds: stretchMs / 1000,
      at_ms: Array.from({ length: stretches }, (_, at) => fromMs + at * stretchMs),
      variants,
    },
  } as WholeFacts;
}

type Measured = {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly megabytes: number;
  readonly bytes: number;
};

/** What `sluice report --from FILE` does, measured in a process of its own. */
async function renderOne(format: ReportFormat, file: string, folder: string): Promise<Measured> {
  const startMs = performance.now();
  const read = readReport(JSON.parse(readFileSync(file, "utf8")));
  if (!read.ok) throw new Error(read.error);
  const { body, extension } = await renderReport(read.value, format, null, renderPdf);
  const seconds = (performance.now() - startMs) / 1000;
  writeFileSync(join(folder, `week.${extension}`), body);
  const { user, system } = process.cpuUsage();
  const megabytes = process.resourceUsage().maxRSS / 1024;
  return { seconds, cpuSeconds: (user + system) / 1e6, megabytes, bytes: body.length };
}

async function measureAll(folder: string): Promise<void> {
  const input = join(folder, "facts.json");
  writeFileSync(input, (await renderReport(factsOfAWeek(), "json", null, renderPdf)).body);
  let isWithin = true;
  for (const format of reportFormats) {
    const [script = ""] = process.argv.slice(1);
    const arguments_ = [script, "--one", format, "--folder", folder];
    const told = execFileSync(process.execPath, arguments_, { encoding: "utf8" });
    const { seconds, cpuSeconds, megabytes, bytes } = JSON.parse(told) as Measured;
    if (seconds > secondsMax || megabytes > megabytesMax) isWithin = false;
    console.log(
      `${format.padEnd(5)} ${seconds.toFixed(2)} s (the process ${cpuSeconds.toFixed(2)} s of CPU), ${(bytes / 1e6).toFixed(2)} MB, memory at most ${megabytes.toFixed(0)} MB`,
    );
  }
  console.log(
    `${isWithin ? "within" : "beyond"} ${secondsMax} s and ${megabytesMax} MB, over ${stretches} stretches of 3 variants`,
  );
  process.exitCode = isWithin ? 0 : 1;
}

const folder = values.folder ?? mkdtempSync(join(tmpdir(), "sluice-report-"));
try {
  const one = reportFormats.find((format) => format === values.one);
  if (one === undefined) await measureAll(folder);
  else console.log(JSON.stringify(await renderOne(one, join(folder, "facts.json"), folder)));
} finally {
  if (values.folder === undefined) rmSync(folder, { recursive: true });
}
