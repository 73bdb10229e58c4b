import type { ConfigProblem } from "../../../wire/admin-api.ts";

type Issue = ConfigProblem["issues"][number];

/** Problems of a configuration: where, and what to do. */
export function Issues({ issues }: { issues: readonly Issue[] }) {
  return (
    <ul class="issues">
      {issues.map(({ path, line, column, message }, at) => (
        <li key={at}>
          <code>{path === "" ? "the file" : path}</code>
          {line !== null && (
            <span class="muted small">
              {" "}
              line {line}
              {column !== null && `, column ${column}`}
            </span>
          )}
          <p dir="auto">{message}</p>
        </li>
      ))}
    </ul>
  );
}
