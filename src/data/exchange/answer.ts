import { refusals, refuse, type RefusalCode } from "../../core/traffic/refusal.ts";

/** Seconds after which a client refused for lack of room may try again. */
const retryAfterSeconds = 1;

/** A problem document as a whole response. */
export function problemAnswer(
  code: RefusalCode,
  detail: string,
  options: { close: boolean; variant: string | null; withoutBody: boolean },
): string {
  const { status, title } = refusals[code];
  const { body, contentType } = refuse(code, detail);
  let text = `HTTP/1.1 ${status} ${title}\r\nContent-Type: ${contentType}\r\nContent-Length: ${body.length}\r\n`;
  if (status === 503) text += `Retry-After: ${retryAfterSeconds}\r\n`;
  if (options.variant !== null) text += `x-sluice-variant: ${options.variant}\r\n`;
  if (options.close) text += "Connection: close\r\n";
  return options.withoutBody ? `${text}\r\n` : `${text}\r\n${body}`;
}

/** The answer to OPTIONS that is to go no further: Sluice is its recipient (RFC 9110 §7.6.2). */
export function optionsAnswer(close: boolean): string {
  return `HTTP/1.1 200 OK\r\nContent-Length: 0\r\n${close ? "Connection: close\r\n" : ""}\r\n`;
}
