import { Agent, request, type Dispatcher } from "undici";
import { z } from "zod";
import type { Timers } from "../../base/clock.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { formatBytes, formatDurationMs } from "../../base/units.ts";
import type { InsightsPolicy } from "../../core/config/model.ts";
import type { ChatMessage } from "../../core/report/insights/prompt.ts";

/** A longer answer is cut off and counts for nothing; models that think aloud need most of it for that. */
const answerBytesMax = 64 * 1024;
const headBytesMax = 16 * 1024;

const answerSchema = z.object({
  choices: z.array(z.object({ message: z.object({ content: z.string() }) })).min(1),
});

/**
 * Asks a model behind an API like OpenAI's: one POST, no redirects, no second try. Never rejects; what went wrong is told in
 * words that name no address, no key and nothing that the server wrote, because reports are passed on.
 */
export async function askModel(
  { url, model, apiKey, timeoutMs }: InsightsPolicy,
  messages: readonly ChatMessage[],
  timers: Timers,
): Promise<Result<string, string>> {
  const abort = new AbortController();
  const cancel = timers.after(timeoutMs, () => abort.abort());
  // For one question: the time-out above is the only one.
  const agent = new Agent({
    pipelining: 0,
    allowH2: false,
    maxHeaderSize: headBytesMax,
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: { timeout: 0, signal: abort.signal },
  });
  try {
    const { statusCode, body } = await request(`${url}/chat/completions`, {
      method: "POST",
      dispatcher: agent,
      signal: abort.signal,
      headers: {
        "content-type": "application/json",
        accept: "application/json",
        "user-agent": "sluice",
        ...(apiKey !== null && { authorization: `Bearer ${apiKey}` }),
      },
      body: JSON.stringify({ model, messages, stream: false }),
    });
    if (statusCode !== 200) return err(`its server answered ${statusCode}`);
    const text = await readText(body);
    if (text === null) return err(`its answer was longer than ${formatBytes(answerBytesMax)}`);
    return readAnswer(text);
  } catch (error) {
    if (abort.signal.aborted) return err(`it did not answer within ${formatDurationMs(timeoutMs)}`);
    const { code } = error as NodeJS.ErrnoException;
    return err(`its server could not be asked${code === undefined ? "" : ` (${code})`}`);
  } finally {
    cancel();
    await agent.destroy();
  }
}

/** The body to its end; null when it is longer than allowed. */
async function readText(body: Dispatcher.ResponseData["body"]): Promise<string | null> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of body as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes > answerBytesMax) return null;
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString("utf8");
}

function readAnswer(text: string): Result<string, string> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return err("its answer was no JSON");
  }
  const read = answerSchema.safeParse(parsed);
  const content = read.data?.choices[0]?.message.content;
  return content === undefined ? err("its answer was no chat completion") : ok(content);
}
