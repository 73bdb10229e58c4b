import { unreachable } from "../../base/result.ts";
import { normalisedPath } from "../traffic/path.ts";
import type { RequestHead } from "../traffic/head.ts";
import type { Condition } from "./policy.ts";
import { cookieText, headerText, queryText } from "./request-field.ts";

/** Longest value that a `matches` condition looks at; a longer one does not match. */
export const matchedCharsMax = 2_048;

/** A condition ready for the request path. */
export type CompiledCondition = {
  readonly read: (head: RequestHead) => string | undefined;
  readonly holds: (value: string | undefined) => boolean;
};

/** Compiles a condition; throws on an invalid pattern (the configuration refuses it before). */
export function compileCondition(condition: Condition): CompiledCondition {
  return { read: compileSubject(condition.on), holds: compileTest(condition.test) };
}

/** Whether all conditions hold. */
export function allHold(conditions: readonly CompiledCondition[], head: RequestHead): boolean {
  return conditions.every((condition) => condition.holds(condition.read(head)));
}

function compileSubject(on: Condition["on"]): CompiledCondition["read"] {
  switch (on.kind) {
    case "header": {
      const lowerName = on.name.toLowerCase();
      return (head) => headerText(head, lowerName);
    }
    case "cookie":
      return (head) => cookieText(head, on.name);
    case "query":
      return (head) => queryText(head, on.name);
    case "path":
      return (head) => normalisedPath(head.target);
    default:
      return unreachable(on);
  }
}

function compileTest(test: Condition["test"]): CompiledCondition["holds"] {
  switch (test.kind) {
    case "equals":
      return (value) => value === test.value;
    case "in": {
      const values = new Set(test.values);
      return (value) => value !== undefined && values.has(value);
    }
    case "prefix":
      return (value) => value?.startsWith(test.value) === true;
    case "matches": {
      const pattern = compilePattern(test.pattern);
      return (value) =>
        value !== undefined && value.length <= matchedCharsMax && pattern.test(value);
    }
    case "present":
      return (value) => (value !== undefined) === test.present;
    default:
      return unreachable(test);
  }
}

/**
 * Patterns are checked as Unicode ones when the configuration is read, but run as plain ones where that makes
 * no difference: only those can be handed to V8's linear-time engine when they backtrack too much (`(a+)+$` and
 * its like, which a client could make to last for hours). Workers switch that on, see main/thread.ts.
 */
function compilePattern(pattern: string): RegExp {
  const isUnicode = /\\[pP]\{|\\u\{|[^\0-\x7f]/.test(pattern);
  return new RegExp(pattern, isUnicode ? "u" : "");
}
