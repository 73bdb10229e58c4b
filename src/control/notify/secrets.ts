/** Shorter ones are not told from ordinary words and numbers. */
const secretLengthMin = 4;

/**
 * What must not be told of a webhook: its path and query, whose parts are often keys, its user and password, and the
 * values of its headers. Receivers repeat them in what they answer.
 */
export function secretsOf(url: string, headers: Readonly<Record<string, string>>): string[] {
  const { pathname, search, searchParams, username, password } = new URL(url);
  const whole = [pathname + search, pathname, search, username, password];
  const parts = [...pathname.split("/"), ...searchParams.values()];
  const values = Object.values(headers);
  const words = values.flatMap((value) => value.split(/[\s,;:=]+/));
  const written = [...whole, ...parts, ...values, ...words];
  const secrets = new Set([...written, ...written.map(decode)]);
  return [...secrets]
    .filter(({ length }) => length >= secretLengthMin)
    .toSorted((one, other) => other.length - one.length);
}

/** The text with `…` in place of every secret. `secrets`: the longest first. */
export function redact(text: string, secrets: readonly string[]): string {
  return secrets.reduce((kept, secret) => kept.replaceAll(secret, "…"), text);
}

/** Without percent-encoding; the text itself when that is broken. */
export function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
