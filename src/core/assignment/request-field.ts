import { headerValue, targetQuery, type RequestHead } from "../traffic/head.ts";

/** Reads the values of a request that assignment looks at: headers, cookies and query parameters, as text. */

const strictUtf8 = new TextDecoder("utf-8", { fatal: true });

/** The first value of a header, by lowercase name; bytes that are valid UTF-8 are read as such. */
export function headerText(head: RequestHead, lowerName: string): string | undefined {
  const value = headerValue(head.headers, lowerName);
  return value === undefined ? undefined : textOfLatin1(value);
}

/** The first cookie of a name (case-sensitive), RFC 6265 §4.2; one pair of quotes around the value is removed. */
export function cookieText(head: RequestHead, name: string): string | undefined {
  const { headers } = head;
  for (let at = 0; at < headers.length; at += 2) {
    const field = headers[at] as string;
    if (field.length !== 6 || field.toLowerCase() !== "cookie") continue;
    const value = cookieOf(headers[at + 1] as string, name);
    if (value !== undefined) return textOfLatin1(value);
  }
  return undefined;
}

function cookieOf(line: string, name: string): string | undefined {
  let start = 0;
  while (start < line.length) {
    const semicolon = line.indexOf(";", start);
    const end = semicolon === -1 ? line.length : semicolon;
    const equals = line.indexOf("=", start);
    if (equals !== -1 && equals < end && line.slice(start, equals).trim() === name) {
      return unquoted(line.slice(equals + 1, end).trim());
    }
    start = end + 1;
  }
  return undefined;
}

function unquoted(value: string): string {
  const isQuoted = value.length >= 2 && value.startsWith('"') && value.endsWith('"');
  return isQuoted ? value.slice(1, -1) : value;
}

/** The first query parameter of a name, percent-decoded, `+` as space; malformed encoding stays as it is. */
export function queryText(head: RequestHead, name: string): string | undefined {
  const query = targetQuery(head.target);
  let start = 0;
  while (start < query.length) {
    const ampersand = query.indexOf("&", start);
    const end = ampersand === -1 ? query.length : ampersand;
    const equals = query.indexOf("=", start);
    const nameEnd = equals === -1 || equals > end ? end : equals;
    if (formDecoded(query.slice(start, nameEnd)) === name) {
      return nameEnd === end ? "" : formDecoded(query.slice(nameEnd + 1, end));
    }
    start = end + 1;
  }
  return undefined;
}

function formDecoded(text: string): string {
  if (!text.includes("%") && !text.includes("+")) return text;
  const spaced = text.replaceAll("+", " ");
  try {
    return decodeURIComponent(spaced);
  } catch {
    return spaced;
  }
}

/**
 * Field values arrive decoded as latin1. Clients send UTF-8, and a GrowthBook SDK hashes the real text, so
 * values that are valid UTF-8 are decoded as such; others stay latin1.
 */
function textOfLatin1(value: string): string {
  let at = 0;
  while (at < value.length && value.charCodeAt(at) < 0x80) at += 1;
  if (at === value.length) return value;
  const bytes = Uint8Array.from(value, (unit) => unit.charCodeAt(0));
  try {
    return strictUtf8.decode(bytes);
  } catch {
    return value;
  }
}
