import { z } from "zod";
import { exitCodes, type CliIo } from "./io.ts";

/** How the CLI reaches a running Sluice. */
export type AdminCall = {
  /** Address of the admin port, such as http://127.0.0.1:9090. */
  readonly admin: string;
  readonly token: string | null;
  readonly fetch: typeof fetch;
  /** How long an answer may take; 10 s where it is missing. */
  readonly timeoutMs?: number;
};

/** A report may have to wait for a language model. */
export const reportMsMax = 90_000;

const problemSchema = z.object({
  title: z.string().optional(),
  detail: z.string().optional(),
  issues: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
});

/** What came of a request. */
export type Answer =
  | { readonly kind: "answered"; readonly body: unknown }
  | { readonly kind: "refused"; readonly status: number; readonly message: string }
  | { readonly kind: "unreachable"; readonly message: string };

/** Sends a request to the admin port: POST with a body, GET without. */
export async function ask(call: AdminCall, path: string, body: unknown): Promise<Answer> {
  const headers: Record<string, string> = { accept: "application/json" };
  if (call.token !== null) headers["authorization"] = `Bearer ${call.token}`;
  if (body !== null) headers["content-type"] = "application/json";
  try {
    const response = await call.fetch(new URL(path, call.admin), {
      method: body === null ? "GET" : "POST",
      headers,
      ...(body !== null && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(call.timeoutMs ?? 10_000),
    });
    const text = await response.text();
    if (response.ok) return { kind: "answered", body: JSON.parse(text) };
    return {
      kind: "refused",
      status: response.status,
      message: problemText(text, response.status),
    };
  } catch (error) {
    const { cause, message } = error as Error & { cause?: Error };
    return { kind: "unreachable", message: cause?.message ?? message };
  }
}

function problemText(text: string, status: number): string {
  try {
    const { title, detail, issues = [] } = problemSchema.parse(JSON.parse(text));
    const words = [title, detail].filter((part) => part !== undefined && part !== "").join(": ");
    const wrong = issues.map(
      ({ path, message }) => `\n  ${path === "" ? "" : `${path}: `}${message}`,
    );
    return `${words}${wrong.join("")}`;
  } catch {
    return `the admin port answered ${status}`;
  }
}

/** Says why a request failed; the answer is the exit code: 2 when the request was wrong, 1 when Sluice was. */
export function explain(
  command: string,
  { admin }: AdminCall,
  answer: Exclude<Answer, { kind: "answered" }>,
  io: CliIo,
): number {
  if (answer.kind === "unreachable") {
    io.stderr(`sluice ${command}: ${admin} cannot be reached: ${answer.message}\n`);
    return exitCodes.failure;
  }
  io.stderr(`sluice ${command}: ${answer.message}\n`);
  return answer.status >= 500 ? exitCodes.failure : exitCodes.invalid;
}
