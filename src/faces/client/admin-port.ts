import type { z } from "zod";
import { SluiceError } from "./error.ts";
import { errorOfAnswer, exchange, parseJson } from "./exchange.ts";
import type { Transport } from "./exchange.ts";

export type AdminPortOptions = {
  readonly admin: string;
  readonly token: string | undefined;
  readonly timeoutMs: number;
  readonly answerBytesMax: number;
};

/** Asks the admin port: GET, or POST where there is a body. The answer is what the schema makes of it. */
export type Ask = <Schema extends z.ZodType>(
  schema: Schema,
  path: string,
  body?: object,
) => Promise<z.output<Schema>>;

export function askingAdmin(
  transport: Transport,
  { admin, token, timeoutMs, answerBytesMax }: AdminPortOptions,
): Ask {
  return async (schema, path, body) => {
    const url = new URL(path, admin);
    const method = body === undefined ? "GET" : "POST";
    const headers = {
      accept: "application/json",
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { "content-type": "application/json" }),
    };
    const { response, ...rest } = await exchange(
      transport,
      url,
      { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) },
      { timeoutMs, answerBytesMax },
    );
    const { status } = response;
    const text = new TextDecoder().decode(rest.body);
    const what = `${method} ${url.origin}${url.pathname}`;
    if (!response.ok) throw errorOfAnswer(what, status, text);
    const answer = schema.safeParse(parseJson(text));
    if (answer.success) return answer.data;
    throw new SluiceError("bad_answer", `${what} was answered with something else`, {
      status,
      detail: answer.error.issues
        .slice(0, 3)
        .map(({ path, message }) => `${path.join(".")}: ${message}`)
        .join("; "),
    });
  };
}
