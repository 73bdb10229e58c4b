import type { ServerResponse } from "node:http";

/** What is wrong with an instance's answers, in spite of their status. */
export type SilentFault = "error_in_stream" | "not_generated" | "no_context" | "status_failure";

type Ask = { readonly query: string; readonly stream?: boolean };

const canned = "Sorry, I'm not able to provide an answer to that question.[no-context]";

export function answerQuery(name: string, { query }: Ask, fault: SilentFault | null): object {
  const response = fault === "no_context" ? canned : `${name} says: ${query}`;
  const references = [{ reference_id: "1", file_path: `${name}.md` }];
  return { response, references, llm_generated: fault !== "not_generated" };
}

/** NDJSON: references, pieces of the text, in the end perhaps an error. */
export function streamQuery(
  name: string,
  { query, stream = true }: Ask,
  fault: SilentFault | null,
  response: ServerResponse,
): void {
  response.writeHead(200, {
    "content-type": "application/x-ndjson",
    "cache-control": "no-cache",
    "x-accel-buffering": "no",
  });
  const line = (record: object) => response.write(`${JSON.stringify(record)}\n`);
  const references = [{ reference_id: "1", file_path: `${name}.md` }];
  const pieces = fault === "no_context" ? [canned] : [`${name} `, "says: ", query];
  if (!stream) line({ references, response: pieces.join("") });
  else {
    line({ references });
    for (const piece of pieces) line({ response: piece });
  }
  if (fault === "error_in_stream") line({ error: "LLM timeout" });
  response.end();
}

export function answerData(name: string, fault: SilentFault | null): object {
  if (fault === "status_failure") return { status: "failure", message: "no results", data: {} };
  const chunks = ["c1", "c2", name].map((id) => ({ chunk_id: id, content: id, file_path: "a.md" }));
  const entities = [{ entity_name: "Paris" }];
  const data = { entities, relationships: [], chunks, references: [] };
  return { status: "success", message: "ok", data, metadata: { query_mode: "mix" } };
}

/** Ollama's emulation: lines with the last one telling counts, or one object. */
export function answerOllama(
  name: string,
  kind: "chat" | "generate",
  ask: { readonly text: string; readonly stream: boolean },
  response: ServerResponse,
): void {
  const said = (content: string) =>
    kind === "chat" ? { message: { role: "assistant", content } } : { response: content };
  const last = { done: true, prompt_eval_count: ask.text.length, eval_count: 3, eval_duration: 9 };
  const model = "lightrag:latest";
  if (!ask.stream) {
    const whole = { model, ...said(`${name} says ${ask.text}`), ...last };
    response.setHeader("content-type", "application/json").end(JSON.stringify(whole));
    return;
  }
  response.setHeader("content-type", "application/x-ndjson");
  for (const piece of [name, " says ", ask.text]) {
    response.write(`${JSON.stringify({ model, ...said(piece), done: false })}\n`);
  }
  response.end(`${JSON.stringify({ model, ...said(""), ...last })}\n`);
}
