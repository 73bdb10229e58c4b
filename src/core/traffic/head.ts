/**
 * A request head as policy sees it, free of transport types.
 *
 * `headers` is flat, `[name, value, name, value, …]`, names as received (any case),
 * values with outer white space removed and decoded as latin1.
 */
export type RequestHead = {
  readonly method: string;
  /** The request target in origin form, `/path?query`, exactly as received. */
  readonly target: string;
  readonly headers: readonly string[];
};

/** The first value of a header, by lowercase name. */
export function headerValue(headers: readonly string[], lowerName: string): string | undefined {
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at] as string;
    if (name.length === lowerName.length && name.toLowerCase() === lowerName) {
      return headers[at + 1];
    }
  }
  return undefined;
}

/** The path of a target, without query. */
export function targetPath(target: string): string {
  const question = target.indexOf("?");
  return question === -1 ? target : target.slice(0, question);
}

/** The query of a target without its `?`; empty when there is none. */
export function targetQuery(target: string): string {
  const question = target.indexOf("?");
  return question === -1 ? "" : target.slice(question + 1);
}
