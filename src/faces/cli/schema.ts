import { configJsonSchema } from "../../core/config/schema.ts";
import { exitCodes } from "./io.ts";
import type { CliIo } from "./io.ts";

/** `sluice schema`: the JSON Schema of the configuration on stdout. */
export function runSchema(io: Pick<CliIo, "stdout">): number {
  io.stdout(`${JSON.stringify(configJsonSchema(), null, 2)}\n`);
  return exitCodes.success;
}
