import { isRecord } from "../inspection/findings.ts";
import type { AuthFacts, HealthFacts } from "./facts.ts";

/** Longer names of models, modes and versions are none. */
export const nameLengthMax = 200;

/** Null for what is no JSON object; single fields are null where they are missing or no names. */
export function readHealth(text: string): HealthFacts | null {
  const answer = parseRecord(text);
  if (answer === null) return null;
  const configuration = isRecord(answer["configuration"]) ? answer["configuration"] : {};
  return {
    authMode: nameOf(answer["auth_mode"]),
    coreVersion: nameOf(answer["core_version"]),
    apiVersion: nameOf(answer["api_version"]),
    embeddingModel: nameOf(configuration["embedding_model"]),
  };
}

/** Null for what does not say whether authentication is configured. */
export function readAuthStatus(text: string): AuthFacts | null {
  const configured = parseRecord(text)?.["auth_configured"];
  return typeof configured === "boolean" ? { authConfigured: configured } : null;
}

/** A name that an upstream gave; null for anything else. */
export function nameOf(value: unknown): string | null {
  return typeof value === "string" && value !== "" && value.length <= nameLengthMax ? value : null;
}

function parseRecord(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const parsed: unknown = JSON.parse(text);
    return isRecord(parsed) ? parsed : null;
  } catch {
    return null;
  }
}
