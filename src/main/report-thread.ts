import { parentPort, Worker, workerData } from "node:worker_threads";
import type { ReportDocument } from "../core/report/document.ts";
import { realTimers } from "./system.ts";

/**
 * A PDF takes a second of work, in which the main thread would neither judge guardrails nor answer probes: it is made in a
 * thread of its own, which ends with it. This file is both who starts the thread and what runs there.
 */

type ThreadOptions = { readonly report: ReportDocument };

const printMsMax = 60_000;
/** A report of 7 days takes less than half of it. */
const heapMegabytesMax = 512;

/** Rejects when the thread fails, or has not finished after a minute. */
export function printPdfInThread(report: ReportDocument): Promise<Uint8Array<ArrayBuffer>> {
  const options: ThreadOptions = { report };
  const thread = new Worker(new URL(import.meta.url), {
    name: "sluice-report",
    workerData: options,
    resourceLimits: { maxOldGenerationSizeMb: heapMegabytesMax },
  });
  return new Promise((resolve, reject) => {
    const cancel = realTimers.after(printMsMax, () => {
      void thread.terminate();
      reject(new Error(`the report's PDF took longer than ${printMsMax / 1000} s`));
    });
    thread.once("error", (error) => {
      cancel();
      reject(new Error(`the report's PDF could not be made: ${String(error)}`, { cause: error }));
    });
    thread.once("exit", (code) => {
      cancel();
      reject(new Error(`the thread that makes the report's PDF ended with ${code}`));
    });
    thread.once("message", (body: Uint8Array<ArrayBuffer>) => {
      cancel();
      resolve(body);
    });
  });
}

const started = workerData as ThreadOptions | null;
if (started !== null && "report" in started) {
  const { renderPdf } = await import("../faces/report/pdf/pdf.ts");
  parentPort?.postMessage(await renderPdf(started.report));
}
