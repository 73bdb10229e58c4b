import { err, ok } from "../../base/result.ts";
import type { Result } from "../../base/result.ts";

/** Environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

export type ReferenceProblem = {
  readonly code: "env_missing" | "env_syntax";
  readonly message: string;
};

/**
 * Replaces `${NAME}` and `${NAME:-default}` (the default also when NAME is empty, as in a shell);
 * `$${` stands for a literal `${`. What a variable holds is not looked at again and never shown.
 */
export function expandReferences(
  text: string,
  env: Environment,
): Result<string, readonly ReferenceProblem[]> {
  if (!text.includes("${")) return ok(text);
  const problems: ReferenceProblem[] = [];
  const expanded = text.replace(/(\$?)\$\{([^}]*)(\}?)/g, (whole, escape, inside, end) => {
    if (escape === "$") return whole.slice(1);
    const match = /^([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s.exec(inside);
    if (match === null || end === "" || inside.includes("${")) {
      const message = "not a reference: write ${NAME} or ${NAME:-default}, or $${ for a literal ${";
      problems.push({ code: "env_syntax", message });
      return "";
    }
    const [, name, fallback] = match as unknown as [string, string, string | undefined];
    const found = Object.hasOwn(env, name) ? env[name] : undefined;
    if (fallback !== undefined) return found === undefined || found === "" ? fallback : found;
    if (found === undefined) {
      const message = `the environment has no ${name}; set it or write \${${name}:-default}`;
      problems.push({ code: "env_missing", message });
    }
    return found ?? "";
  });
  return problems.length === 0 ? ok(expanded) : err(problems);
}
