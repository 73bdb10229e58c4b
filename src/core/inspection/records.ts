import {
  countOf,
  fail,
  isRecord,
  textOf,
  type Findings,
  type JsonRecord,
  type RecordReader,
} from "./findings.ts";

/** LightRAG's canned reply where retrieval found nothing, or an embedding timed out, ends so. */
const noContext = "[no-context]";

function readLightragText(record: JsonRecord, into: Findings): void {
  const text = textOf(record["response"]);
  if (text?.trimEnd().endsWith(noContext) === true) fail(into, "no_context");
  if (record["llm_generated"] === false) fail(into, "not_generated");
  if (text !== null) into.hasToken = true;
}

function noteError(record: JsonRecord, into: Findings, isStream: boolean): void {
  const { error } = record;
  if (error === undefined || error === null || error === "") return;
  fail(into, isStream ? "error_in_stream" : "error_in_body");
}

function noteStatus(record: JsonRecord, into: Findings, bad: string): void {
  into.status = textOf(record["status"]);
  if (into.status === bad) fail(into, "error_in_body");
}

export const lightragQuery: RecordReader = {
  read(record, into, isStream) {
    noteError(record, into, isStream);
    readLightragText(record, into);
  },
  endsItself: false,
};

export const lightragData: RecordReader = {
  read: (record, into) => noteStatus(record, into, "failure"),
  endsItself: false,
};

export const lightragWrite: RecordReader = {
  read(record, into) {
    noteStatus(record, into, "failure");
    into.handle = textOf(record["track_id"]);
  },
  endsItself: false,
};

export const ollamaGenerate: RecordReader = {
  read(record, into, isStream) {
    noteError(record, into, isStream);
    const { message } = record;
    const text = isRecord(message) ? message["content"] : record["response"];
    if (textOf(text) !== null) {
      into.hasToken = true;
      readLightragText({ response: text }, into);
    }
    if (record["done"] !== true) return;
    into.isComplete = true;
    into.tokensIn = countOf(record["prompt_eval_count"]);
    into.tokensOut = countOf(record["eval_count"]);
  },
  endsItself: true,
};

export const openaiChat: RecordReader = {
  read(record, into, isStream) {
    noteError(record, into, isStream);
    const { usage, choices } = record;
    if (isRecord(usage)) {
      into.tokensIn = countOf(usage["prompt_tokens"]) ?? into.tokensIn;
      into.tokensOut = countOf(usage["completion_tokens"]) ?? into.tokensOut;
    }
    for (const choice of Array.isArray(choices) ? choices : []) {
      if (!isRecord(choice)) continue;
      const { delta, message, text, finish_reason: reason } = choice;
      const said = isRecord(delta) ? delta : isRecord(message) ? message : { content: text };
      if (textOf(said["content"]) !== null || textOf(said["reasoning_content"]) !== null) {
        into.hasToken = true;
      }
      if (textOf(reason) !== null) into.isComplete = true;
    }
  },
  endsItself: true,
};

export const openviking: RecordReader = {
  read(record, into) {
    noteStatus(record, into, "error");
    const { result, telemetry } = record;
    if (isRecord(result)) {
      into.handle =
        textOf(result["task_id"]) ??
        textOf(result["session_id"]) ??
        textOf(result["temp_file_id"]) ??
        null;
    }
    // OpenViking tells one sum; what it read is by far the most of it.
    into.tokensIn = countOf(at(at(at(telemetry, "summary"), "tokens"), "total"));
  },
  endsItself: false,
};

export const openvikingStream: RecordReader = {
  read(record, into, isStream) {
    noteError(record, into, isStream);
    if (record["event"] === "error" || record["status"] === "error") fail(into, "error_in_stream");
    if (textOf(record["data"]) !== null || textOf(record["content"]) !== null) into.hasToken = true;
  },
  endsItself: false,
};

function at(value: unknown, name: string): unknown {
  return isRecord(value) ? value[name] : undefined;
}
