import type { Result } from "../../base/result.ts";
import type { IssueList } from "../config/issues.ts";
import { dataFormatOf, parseDataLines } from "./data-lines.ts";
import { loadDefaults, type LoadEndpoint } from "./plan.ts";
import type { WrittenEndpoint, WrittenScenario } from "./scenario-schema.ts";
import { parseTemplate, type DataLine, type Template, type TemplatePlace } from "./template.ts";

/** From endpoints as written to what is sent, with every problem of them. */

type Reader = (name: string) => Result<string, string>;

/** `prefix` is the path of the target; every problem goes to `issues`. */
export function resolveEndpoints(
  written: WrittenScenario,
  prefix: string,
  readFile: Reader,
  issues: IssueList,
): readonly LoadEndpoint[] {
  const entries = Object.entries(written.endpoints ?? { request: {} });
  if (entries.length === 0) issues.add(["endpoints"], "empty", "need at least one endpoint");
  return entries.flatMap(([name, endpoint]) => {
    const one = new EndpointReader(name, written, issues);
    return one.read(endpoint, prefix, readFile) ?? [];
  });
}

class EndpointReader {
  readonly #name: string;
  readonly #scenario: WrittenScenario;
  readonly #issues: IssueList;

  constructor(name: string, scenario: WrittenScenario, issues: IssueList) {
    this.#name = name;
    this.#scenario = scenario;
    this.#issues = issues;
  }

  read(written: WrittenEndpoint, prefix: string, readFile: Reader): LoadEndpoint | null {
    const request = this.#request(written, prefix);
    const lines = this.#lines(written.body_file, readFile);
    if (request === null || lines === undefined) return null;
    const headers = this.#headers(written);
    const bodyText = bodyTextOf(written.body, lines !== null);
    const isJson = this.#isJson(headers, bodyText, written.body_file);
    if (bodyText !== null && !headers.has("content-type")) {
      headers.set("content-type", isJson ? "application/json" : "text/plain");
    }
    // A line that is the whole body goes out as it is.
    const place: TemplatePlace = isJson && written.body !== undefined ? "json" : "text";
    const path = this.#template(request.path, "path", ["request"], lines);
    const body = bodyText === null ? null : this.#template(bodyText, place, ["body"], lines);
    const fields = [...headers].map(([header, value]) => {
      return [header, this.#template(value, "header", ["headers", header], lines)] as const;
    });
    if (path === null) return null;
    return {
      name: this.#name,
      weight: written.weight ?? 1,
      method: request.method,
      path,
      headers: fields.filter((field): field is [string, Template] => field[1] !== null),
      body,
      lines,
      lineOrder: written.line_order ?? "sequential",
      expect: {
        statuses: written.expect?.status ?? loadDefaults.statuses,
        contains: written.expect?.contains ?? null,
      },
    };
  }

  #request(
    { request, method, body, body_file: bodyFile }: WrittenEndpoint,
    prefix: string,
  ): { readonly method: string; readonly path: string } | null {
    const match = /^(?:([A-Z]+)(?:\s+|$))?(\S.*)?$/.exec((request ?? "").trim());
    const path = match?.[2] ?? "";
    if (match === null || (path !== "" && !path.startsWith("/"))) {
      this.#report(["request"], "expected a request such as POST /query");
      return null;
    }
    if (path !== "" && prefix.includes("?")) {
      this.#issues.add(["target"], "target", "must not have a query when endpoints have paths");
      return null;
    }
    const whole = path === "" ? prefix : `${prefix.replace(/\/$/, "")}${path}`;
    if (/[^\x21-\x7e]/.test(whole.replaceAll(/\{\{[^{}]*\}\}/g, ""))) {
      this.#report(
        ["request"],
        "a path has no spaces and no letters beyond ASCII; write them as %XX",
      );
      return null;
    }
    const hasBody = body !== undefined || bodyFile !== undefined;
    return {
      method: method ?? match[1] ?? (hasBody ? "POST" : "GET"),
      path: whole.startsWith("/") ? whole : `/${whole}`,
    };
  }

  /** Null where there is no file, undefined where it cannot be used. */
  #lines(name: string | undefined, readFile: Reader): readonly DataLine[] | null | undefined {
    if (name === undefined) return null;
    const text = readFile(name);
    const lines = text.ok ? parseDataLines(text.value, dataFormatOf(name)) : text;
    if (lines.ok) return lines.value;
    this.#report(["body_file"], text.ok ? `${name} ${lines.error}` : lines.error);
    return undefined;
  }

  #headers(written: WrittenEndpoint): Map<string, string> {
    const headers = new Map<string, string>();
    for (const fields of [this.#scenario.headers ?? {}, written.headers ?? {}]) {
      for (const [name, value] of Object.entries(fields)) headers.set(name.toLowerCase(), value);
    }
    for (const name of ["connection", "content-length", "transfer-encoding", "keep-alive"]) {
      if (headers.has(name)) this.#report(["headers", name], "is set by the load tester itself");
    }
    return headers;
  }

  #isJson(headers: Map<string, string>, body: string | null, file: string | undefined): boolean {
    const type = headers.get("content-type");
    if (type !== undefined) return type.toLowerCase().includes("json");
    if (body === null) return false;
    if (body === "{{line}}" && file !== undefined) return dataFormatOf(file) !== "text";
    return /^\s*[[{]/.test(body);
  }

  #template(
    text: string,
    place: TemplatePlace,
    path: readonly string[],
    lines: readonly DataLine[] | null,
  ): Template | null {
    const template = parseTemplate(text, place);
    if (!template.ok) {
      this.#report(path, template.error);
      return null;
    }
    const { needsLine, fields } = template.value;
    if (needsLine && lines === null) {
      this.#report(path, "{{line}} and {{data.…}} need a body_file");
    } else if (lines !== null) {
      const missing = fields.find(
        (field) => !lines.some((line) => Object.hasOwn(line.fields, field)),
      );
      if (missing !== undefined) this.#report(path, `no line of the body_file has a ${missing}`);
    }
    return template.value;
  }

  #report(path: readonly string[], message: string): void {
    this.#issues.add(["endpoints", this.#name, ...path], "endpoint", message);
  }
}

function bodyTextOf(body: WrittenEndpoint["body"], hasLines: boolean): string | null {
  if (body === undefined) return hasLines ? "{{line}}" : null;
  return typeof body === "string" ? body : JSON.stringify(body);
}
