import { z } from "zod";
import { err, ok } from "../../base/result.ts";
import type { Result } from "../../base/result.ts";

/** What the two embedding APIs ask for, and how their answers look. */

export const embeddingLimits = {
  bodyBytesMax: 256 * 1024,
  textsMax: 64,
  textCharactersMax: 8192,
  /** Of all texts together; about two seconds of work. */
  charactersMax: 32_768,
  /** Requests that wait or are computed. */
  pendingMax: 128,
} as const;

export type EmbeddingRequest = {
  readonly texts: readonly string[];
  readonly format: "float" | "base64";
};

export type InputError = { readonly message: string; readonly param: string | null };

const text = z
  .string("expected a text")
  .max(embeddingLimits.textCharactersMax, "at most 8192 characters");
const nativeSchema = z.object({ text });
const openAiSchema = z.object({
  input: z.union(
    [
      text.transform((one) => [one]),
      z.array(text).min(1, "at least one text").max(embeddingLimits.textsMax, "at most 64 texts"),
    ],
    "expected a text or a list of 1 to 64 texts of at most 8192 characters each",
  ),
  encoding_format: z.enum(["float", "base64"], "expected float or base64").default("float"),
  dimensions: z.int("expected a whole number").optional(),
});

/** `{"text": …}` → one text, always as floats. */
export function parseNative(body: unknown): Result<EmbeddingRequest, InputError> {
  const parsed = nativeSchema.safeParse(body);
  if (!parsed.success) return err(firstIssue(parsed.error));
  return ok({ texts: [parsed.data.text], format: "float" });
}

/** OpenAI's `/v1/embeddings` with texts; token lists are not understood by this model. */
export function parseOpenAi(
  body: unknown,
  dimension: number,
): Result<EmbeddingRequest, InputError> {
  const parsed = openAiSchema.safeParse(body);
  if (!parsed.success) return err(firstIssue(parsed.error));
  const { input, encoding_format: format, dimensions } = parsed.data;
  if (dimensions !== undefined && dimensions !== dimension) {
    return err({ message: `this model has ${dimension} dimensions`, param: "dimensions" });
  }
  const characters = input.reduce((sum, one) => sum + one.length, 0);
  if (characters > embeddingLimits.charactersMax) {
    const message = `at most ${embeddingLimits.charactersMax} characters together`;
    return err({ message, param: "input" });
  }
  return ok({ texts: input, format });
}

/** OpenAI's base64: the vector as little-endian 32-bit floats. */
export function encodeBase64(vector: Float32Array): string {
  const bytes = Buffer.alloc(vector.length * 4);
  for (const [at, value] of vector.entries()) bytes.writeFloatLE(value, at * 4);
  return bytes.toString("base64");
}

function firstIssue(error: z.ZodError): InputError {
  const [issue] = error.issues;
  const param = issue?.path.join(".") ?? "";
  return { message: issue?.message ?? "invalid", param: param === "" ? null : param };
}
