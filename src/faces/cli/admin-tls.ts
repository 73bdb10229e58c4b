import type { Command } from "commander";
import { err, ok, type Result } from "../../base/result.ts";
import { createTlsFetch, type ClientTls } from "../client/client-tls.ts";
import type { CliIo } from "./io.ts";

/** `--ca`, `--cert` and `--key` of the commands that talk to an admin port over TLS. */

export type TlsOptions = { readonly ca?: string; readonly cert?: string; readonly key?: string };

const variables = {
  ca: "SLUICE_ADMIN_CA",
  cert: "SLUICE_ADMIN_CERT",
  key: "SLUICE_ADMIN_KEY",
} as const;

export function withTls(command: Command): Command {
  return command
    .option("--ca <file>", `PEM file of who vouches for the admin port; default: ${variables.ca}`)
    .option("--cert <file>", `PEM file of your client certificate; default: ${variables.cert}`)
    .option("--key <file>", `PEM file of its key; default: ${variables.key}`);
}

/** The texts of the files that options or environment name; null when they name none, the error says what is wrong. */
export function readTls(options: TlsOptions, io: CliIo): Result<ClientTls | null, string> {
  const texts: { ca?: string; cert?: string; key?: string } = {};
  for (const name of ["ca", "cert", "key"] as const) {
    const file = options[name] ?? io.env[variables[name]] ?? "";
    if (file === "") continue;
    const text = io.readFile(file);
    if (!text.ok) return err(`--${name}: ${text.error}`);
    if (!text.value.includes("-----BEGIN ")) return err(`--${name}: ${file} is not a PEM file`);
    texts[name] = text.value;
  }
  if ((texts.cert === undefined) !== (texts.key === undefined)) {
    return err("--cert and --key come together");
  }
  return ok(Object.keys(texts).length === 0 ? null : texts);
}

/** What sends requests to the admin port; the error says what is wrong with the options. */
export function fetchOf(options: TlsOptions, io: CliIo): Result<typeof fetch, string> {
  const tls = readTls(options, io);
  if (!tls.ok) return tls;
  if (tls.value === null) return ok(fetch);
  try {
    return ok(createTlsFetch(tls.value));
  } catch (error) {
    return err(`--ca, --cert and --key cannot be used together: ${(error as Error).message}`);
  }
}
