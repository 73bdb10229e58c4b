import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { err, ok } from "../../base/result.ts";
import type { Result } from "../../base/result.ts";
import { parseDurationMs } from "../../base/units.ts";
import { faults } from "./fault.ts";
import type { Fault } from "./fault.ts";
import { trafficLimits } from "./traffic.ts";

export type DemoOptions = {
  /** Null runs until it is interrupted. */
  readonly runMs: number | null;
  readonly fault: Fault | null;
  /** How long compact behaves before its fault begins, milliseconds. */
  readonly faultAfterMs: number;
  /** Questions per second. */
  readonly rate: number;
  readonly port: number;
  readonly adminPort: number;
  /** Lets compact climb step by step; without, it has half of the users. */
  readonly canary: boolean;
  /** Ends once the canary is decided. */
  readonly untilVerdict: boolean;
};

const runMsMax = 24 * 60 * 60 * 1000;
const onceMs = 20_000;
/** A canary that nobody asks anything takes for ever. */
const canaryMsMax = 5 * 60 * 1000;

/** Reads the command line; the error is the exit code, after what there is to say was said. */
export function parseDemoOptions(
  arguments_: readonly string[],
  io: { readonly stdout: (text: string) => void; readonly stderr: (text: string) => void },
): Result<DemoOptions, number> {
  const program = new Command("npm start --")
    .description("Sluice with two real embedding services behind it, and users who ask")
    .exitOverride()
    .configureOutput({ writeOut: io.stdout, writeErr: io.stderr })
    .allowExcessArguments(false)
    .option("--split", "half of the users for each model, instead of a canary that climbs")
    .option(
      "--once",
      `end by itself: at the canary's verdict (exit 3 when it is taken back), with --split after ${onceMs / 1000}s; or with --for`,
    )
    .option("--for <duration>", "end by itself after this long, such as 20s", readDuration)
    .addOption(
      new Option("--fault <kind>", "make the compact service misbehave").choices([...faults]),
    )
    .option("--fault-after <duration>", "how long it behaves at first, such as 30s", readDuration)
    .option("--rate <n>", "questions per second", readWhole(1, trafficLimits.rateMax), 20)
    .option("--port <n>", "port of the proxy, 0 for a free one", readWhole(0, 65_535), 8080)
    .option("--admin-port <n>", "port of the admin API, 0 for any", readWhole(0, 65_535), 9090);
  try {
    program.parse(arguments_, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return err(error.exitCode === 0 ? 0 : 2);
  }
  const given = program.opts<{
    split?: true;
    faultAfter?: number;
    once?: true;
    for?: number;
    fault?: Fault;
    rate: number;
    port: number;
    adminPort: number;
  }>();
  const { rate, port, adminPort, fault = null, faultAfter: faultAfterMs = 0 } = given;
  const canary = given.split !== true;
  const untilVerdict = canary && given.once === true;
  const runMs = given.for ?? (given.once === true ? (canary ? canaryMsMax : onceMs) : null);
  return ok({ runMs, fault, faultAfterMs, rate, port, adminPort, canary, untilVerdict });
}

function readDuration(text: string): number {
  const ms = parseDurationMs(text);
  if (ms === null || ms === 0 || ms > runMsMax) {
    throw new InvalidArgumentError("Expected a duration such as 20s, 5m or 1h, at most 24h.");
  }
  return ms;
}

function readWhole(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw new InvalidArgumentError(`Expected a whole number from ${min} to ${max}.`);
  };
}
