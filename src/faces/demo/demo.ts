import type { Clock, Random, Timers } from "../../base/clock.ts";
import { formatDurationMs } from "../../base/units.ts";
import type { ExperimentStatus, RolloutStatus, Status } from "../../wire/admin-api.ts";
import { describeRollout } from "../cli/rollout.ts";
import { canaryActor, canaryPlan, describeVerdict, isDecided, slowMs } from "./canary.ts";
import { LiveBlock } from "./display.ts";
import type { DemoIo } from "./display.ts";
import type { Fault, PlannedFault } from "./fault.ts";
import type { DemoOptions } from "./options.ts";
import { questions } from "./questions.ts";
import { describeErrors, formatTable } from "./summary.ts";
import { startTraffic, trafficLimits } from "./traffic.ts";
import type { Traffic, TrafficCounts } from "./traffic.ts";

/** The two models behind the proxy. */
export type ServiceName = "full" | "compact";

export type DemoService = { readonly port: number; stop(): Promise<void> };

/** What the demonstration needs of a running Sluice. */
type DemoSluice = {
  readonly dataPort: number;
  readonly adminPort: number;
  status(): Status;
  rollouts(): readonly RolloutStatus[];
  commandRollout(experiment: string, name: "start", actor: string): string | null | undefined;
  drain(): Promise<number>;
};

export type DemoDependencies = {
  readonly io: DemoIo;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly startService: (name: ServiceName, fault: PlannedFault | null) => Promise<DemoService>;
  readonly startSluice: (configText: string) => Promise<DemoSluice>;
  /** Calls `run` when the user wants to end. */
  readonly onInterrupt: (run: () => void) => void;
};

const experiment = "embedding_model";
const showMs = 1000;
/** Without a terminal, one update in so many is written. */
const plainEvery = 5;
/** Answers under way may take this long at the end; then they are cut off and counted. */
const settleMsMax = 2000;
/** Workers report every 250 ms; their last report is waited for at most this long. */
const reportMsMax = 1000;

/**
 * Runs until `runMs`, an interrupt or the canary's verdict, and ends with a summary; the answer is the exit code. Rejects
 * when something cannot start.
 */
export async function runDemo(
  options: DemoOptions,
  dependencies: DemoDependencies,
): Promise<number> {
  const { io, clock, timers, startService, startSluice } = dependencies;
  const ended = Promise.withResolvers<void>();
  dependencies.onInterrupt(() => ended.resolve());
  io.stdout("Sluice demonstration: loading two embedding models …\n");
  // Closed in reverse order, whatever fails.
  await using started = new AsyncDisposableStack();
  const begin = (name: ServiceName, fault: PlannedFault | null) => {
    const starting = startService(name, fault);
    started.defer(async () => (await starting.catch(() => null))?.stop());
    return starting;
  };
  const { fault: kind, faultAfterMs: afterMs } = options;
  const fault = kind === null ? null : { kind, afterMs };
  const [full, compact] = await Promise.all([begin("full", null), begin("compact", fault)]);
  const sluice = await startSluice(
    describeConfig(options, { full: full.port, compact: compact.port }),
  );
  started.defer(async () => void (await sluice.drain()));
  io.stdout(describeAddresses(sluice, options));
  const origin = `http://127.0.0.1:${sluice.dataPort}`;
  const traffic = startTraffic(
    { origin, rate: options.rate, treatment: "compact", slowMs },
    dependencies,
  );
  started.defer(() => traffic.cut());
  if (options.canary) sluice.commandRollout(experiment, "start", canaryActor);
  const startMs = clock.monotonicMs();
  const block = new LiveBlock(io, plainEvery);
  const endShow = timers.every(showMs, () => {
    const elapsedMs = clock.monotonicMs() - startMs;
    const [rollout] = sluice.rollouts();
    const now = describeNow(variantsOf(sluice.status()), traffic.counts(), elapsedMs);
    block.update(rollout === undefined ? now : now.concat(describeRollout(rollout).split("\n")));
    if (options.untilVerdict && rollout !== undefined && isDecided(rollout)) ended.resolve();
  });
  started.defer(endShow);
  const { runMs } = options;
  const cancelEnd = runMs === null ? () => {} : timers.after(runMs, () => ended.resolve());
  await ended.promise;
  cancelEnd();
  const elapsedMs = clock.monotonicMs() - startMs;
  endShow();
  block.clear();
  if (traffic.counts().inFlight > 0) io.stdout("Ending: waiting for the answers under way …\n");
  const variants = await settle(traffic, sluice, dependencies);
  const counts = traffic.counts();
  const [rollout] = sluice.rollouts();
  if (rollout === undefined) {
    io.stdout(describeEnd(variants, counts, elapsedMs));
    return 0;
  }
  io.stdout(describeCanaryEnd(counts, elapsedMs));
  const { count, firstMs } = counts.bad;
  const wallMs = clock.wallMs() - clock.monotonicMs();
  const firstAtMs = firstMs === null ? null : wallMs + firstMs;
  io.stdout(describeVerdict(rollout, { count, firstAtMs }));
  return rollout.phase === "rolled_back" ? 3 : 0;
}

/** Lets answers arrive, and the workers' last report too. */
async function settle(
  traffic: Traffic,
  sluice: DemoSluice,
  { clock, timers }: Pick<DemoDependencies, "clock" | "timers">,
): Promise<ExperimentStatus["variants"]> {
  await traffic.settle(settleMsMax);
  const deadlineMs = clock.monotonicMs() + reportMsMax;
  for (;;) {
    const variants = variantsOf(sluice.status());
    const { sent, inFlight } = traffic.counts();
    const isWhole = sum(variants, "requests") === sent - inFlight;
    const isNow = sum(variants, "in_flight") === inFlight;
    if ((isWhole && isNow) || clock.monotonicMs() >= deadlineMs) return variants;
    await new Promise<void>((resolve) => {
      timers.after(50, resolve);
    });
  }
}

function variantsOf(status: Status): ExperimentStatus["variants"] {
  return status.experiments.find(({ key }) => key === experiment)?.variants ?? [];
}

function sum(variants: ExperimentStatus["variants"], field: "requests" | "in_flight"): number {
  return variants.reduce((total, variant) => total + variant[field], 0);
}

/** The configuration of the demonstration; the API shows it, too. */
function describeConfig(
  { port, adminPort, canary }: Pick<DemoOptions, "port" | "adminPort" | "canary">,
  services: Readonly<Record<ServiceName, number>>,
): string {
  const [half, plan] = canary ? ["", canaryPlan] : [", weight: 50", ""];
  return `# Two embedding models side by side, ${canary ? "the small one on its way up" : "half of the users each"}
listen: { host: 127.0.0.1, port: ${port}, drain_deadline: 2s }
admin: { host: 127.0.0.1, port: ${adminPort} }
log: { level: error, access_sample: 0 }
upstreams:
  full: { url: "http://127.0.0.1:${services.full}", timeouts: { first_byte: 5s } }
  compact: { url: "http://127.0.0.1:${services.compact}", timeouts: { first_byte: 5s } }
routes:
  - { match: "POST /embeddings", experiment: ${experiment} }
  - { match: "POST /v1/embeddings", experiment: ${experiment} }
  - { match: "GET /health", upstream: full }
experiments:
  ${experiment}:
    variants:
      full: { upstream: full${half}, control: true }
      compact: { upstream: compact${half} }
    assignment: { user: [ "header:x-user-id" ] }
${plan}`;
}

function describeAddresses(
  { dataPort, adminPort }: DemoSluice,
  { rate, fault, faultAfterMs, runMs }: DemoOptions,
): string {
  const proxy = `http://127.0.0.1:${dataPort}`;
  const admin = `http://127.0.0.1:${adminPort}`;
  const json = `-H 'content-type: application/json'`;
  const end = runMs === null ? "Ctrl-C ends" : `ends after ${formatDurationMs(runMs)}`;
  const lines = [
    "",
    `  proxy   ${proxy}   POST /embeddings, POST /v1/embeddings`,
    `  look    ${admin}/   or in a terminal: npx sluice watch`,
    `  admin   ${admin}/v1/status   ${admin}/metrics   ${admin}/readyz`,
    "  full    512 dimensions (control)",
    `  compact 256 dimensions, 8-bit${fault === null ? "" : `   misbehaves${faultAfterMs === 0 ? "" : ` after ${formatDurationMs(faultAfterMs)}`}: ${faultWords[fault]}`}`,
    `  traffic ${rate} of ${questions.length} questions a second, ${trafficLimits.users} users; ${end}`,
    "",
    "Try it; x-sluice-variant in the answer says who answered, and another user id may get the other:",
    `  curl -si ${proxy}/embeddings ${json} -H 'x-user-id: you' -d '{"text":"What is RAG?"}'`,
    `  curl -s ${admin}/v1/status`,
    "",
    "",
  ];
  return lines.join("\n");
}

const faultWords: Readonly<Record<Fault, string>> = {
  errors: "3 in 10 answers are 500",
  slow: "300 ms slower",
  hang: "never answers",
};

function describeNow(
  variants: ExperimentStatus["variants"],
  counts: TrafficCounts,
  elapsedMs: number,
): string[] {
  const { sent, answered, failed, inFlight } = counts;
  return [
    `${(elapsedMs / 1000).toFixed(0)} s: ${sent} asked, ${answered} answered, ${failed} failed, ${inFlight} in flight`,
    ...formatTable(variants),
    "",
  ];
}

function describeHead(counts: TrafficCounts, elapsedMs: number): string {
  const { sent, answered, failed, inFlight } = counts;
  return `Summary of ${(elapsedMs / 1000).toFixed(1)} s: ${sent} asked, ${answered} answered, ${failed} failed, ${inFlight} without an answer at the end`;
}

/** Of a canary, whose split changed on the way: what users were answered, by whom. */
function describeCanaryEnd(counts: TrafficCounts, elapsedMs: number): string {
  const { byVariant, skipped } = counts;
  const lines = ["full", "compact"].map((variant) => {
    const { answered, failed } = byVariant[variant] ?? { answered: 0, failed: 0 };
    return `  ${variant.padEnd(8)} ${answered} answered, ${failed} failed`;
  });
  if (skipped > 0) lines.push(`${skipped} not asked: this machine could not keep the pace`);
  return `${[describeHead(counts, elapsedMs), ...lines].join("\n")}\n`;
}

function describeEnd(
  variants: ExperimentStatus["variants"],
  counts: TrafficCounts,
  elapsedMs: number,
): string {
  const { sent, skipped } = counts;
  const parts = variants.map(({ key, requests }) => `${requests} ${key}`);
  const held = sum(variants, "in_flight");
  const measured = sum(variants, "requests") + held;
  const sums = `${parts.join(" + ")} + ${held} in flight`;
  const lines = [
    describeHead(counts, elapsedMs),
    "",
    ...formatTable(variants, elapsedMs),
    "",
    measured === sent
      ? `total: ${sent} asked = ${sums}`
      : `total: ${measured} measured = ${sums}, of ${sent} asked here (other clients count too; a changed split starts anew)`,
    ...describeErrors(variants).map((line) => `errors of ${line}`),
    ...(skipped > 0 ? [`${skipped} not asked: this machine could not keep the pace`] : []),
    "",
  ];
  return lines.join("\n");
}
