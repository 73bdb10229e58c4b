import type { Config, Issue } from "../../../src/core/config/model.ts";
import { parseConfig } from "../../../src/core/config/parse.ts";
import type { ParseContext } from "../../../src/core/config/parse.ts";

/** The smallest configuration with an experiment; tests add their lines to it. */
export const smallText = `
upstreams:
  a: { url: "http://localhost:1001" }
  b: { url: "http://localhost:1002" }
routes:
  - { match: "POST /x", experiment: e }
experiments:
  e:
    variants:
      control: { upstream: a }
      new: { upstream: b }
`.trimStart();

const noFiles = (name: string) => ({ ok: false, error: `${name}: no such file` }) as const;

/** Parses on two cores with no environment and no PEM files, unless told otherwise. */
export function parse(text: string, context: Partial<ParseContext> = {}) {
  return parseConfig(text, { env: {}, cores: 2, files: noFiles, ...context });
}

/** The configuration, or a failed test that shows the problems. */
export function valid(text: string, context: Partial<ParseContext> = {}): Config {
  const parsed = parse(text, context);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error, null, 2));
  return parsed.value;
}

/** The problems, or a failed test. */
export function issuesOf(text: string, context: Partial<ParseContext> = {}): readonly Issue[] {
  const parsed = parse(text, context);
  if (parsed.ok) throw new Error("expected problems, found none");
  return parsed.error;
}

/** A configuration in which only the given part is not the ordinary one. */
export function withParts(parts: {
  top?: string;
  upstream?: string;
  routes?: string;
  experiment?: string;
  variants?: string;
}): string {
  const variants = parts.variants ?? "{ control: { upstream: a }, new: { upstream: b } }";
  return `${parts.top ?? ""}
upstreams: { a: ${parts.upstream ?? '{ url: "http://a" }'}, b: { url: "http://b" } }
routes: ${parts.routes ?? '[ { match: "POST /x", experiment: e } ]'}
experiments: { e: { variants: ${variants}${parts.experiment === undefined ? "" : `, ${parts.experiment}`} }, spare: { variants: { control: { upstream: a }, new: { upstream: b } }, assignment: { namespace: { id: n, range: [0, 50%] } } }, other: { variants: { control: { upstream: a }, new: { upstream: b } }, assignment: { namespace: { id: n, range: [40%, 1] } } }, third: { variants: { control: { upstream: a }, new: { upstream: b } }, assignment: { namespace: { id: m, range: [50%, 1] } } } }
`;
}
