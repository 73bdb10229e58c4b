import { parseDurationMs } from "../../base/units.ts";
import { claimSecondsMax } from "../../core/assignment/signed-variant.ts";
import { unknown } from "../../core/config/suggestion.ts";
import { signVariant } from "../../wire/signed-variant.ts";
import { exitCodes, formatIssues, readConfigFile, type CliIo } from "./io.ts";

export type SignVariantArguments = {
  readonly file: string;
  readonly experiment: string;
  readonly variant: string;
  /** How long it is to count, such as 1h. */
  readonly lasting: string;
};

/** `sluice sign-variant`: prints what lets anybody have a variant, for the experiment's header or cookie. */
export function runSignVariant(
  { file, experiment: key, variant, lasting }: SignVariantArguments,
  nowMs: number,
  io: CliIo,
): number {
  const complain = (message: string) => {
    io.stderr(`sluice sign-variant: ${message}\n`);
    return exitCodes.invalid;
  };
  const config = readConfigFile(file, io);
  if (!config.ok) {
    io.stderr(formatIssues(file, config.error));
    return exitCodes.invalid;
  }
  const { listen, experiments } = config.value;
  const experiment = Object.hasOwn(experiments, key) ? experiments[key] : undefined;
  if (experiment === undefined) {
    return complain(unknown("experiment", key, Object.keys(experiments)));
  }
  const variants = experiment.variants.map((each) => each.key);
  if (!variants.includes(variant)) return complain(unknown("variant", variant, variants));
  if (experiment.assignment.forced === null) {
    return complain(`experiments.${key}.assignment.forced names no header and no cookie`);
  }
  const [secret] = listen.signingSecrets;
  if (secret === undefined) return complain("listen.signing_secrets names no secret to sign with");
  const lastingMs = parseDurationMs(lasting);
  if (lastingMs === null || lastingMs < 1000 || lastingMs > claimSecondsMax * 1000) {
    return complain(`--for: expected a duration from 1s to 720h, not ${lasting}`);
  }
  const expiresAtS = Math.floor((nowMs + lastingMs) / 1000);
  io.stdout(`${signVariant({ experiment: key, variant, expiresAtS }, secret)}\n`);
  return exitCodes.success;
}
