import { err } from "../../src/base/result.ts";
import type { LoadPlan } from "../../src/core/load/plan.ts";
import { parseScenario } from "../../src/core/load/scenario.ts";
import { startLoad } from "../../src/faces/load/load.ts";
import { realLoadTime } from "../../src/main/load-time.ts";

/** A plan of a scenario's keys. */
export function loadPlan(written: Record<string, unknown>): LoadPlan {
  const context = { env: {}, readFile: () => err("no files here"), seed: 1 };
  const parsed = parseScenario(null, written, context);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
  return parsed.value;
}

/** Runs a load test to its end. */
export async function runLoadTest(written: Record<string, unknown>) {
  const { report } = await startLoad(loadPlan(written), realLoadTime).finished;
  return report;
}
