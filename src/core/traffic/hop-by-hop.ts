/**
 * Which fields end at this hop (RFC 9110 §7.6.1), and which ones a peer's `Connection` field can take away.
 *
 * A Connection option must never remove what Sluice itself sets or relies on: fastify-reply-from's
 * GHSA (fixed in 12.6.2) let a client strip the proxy's own fields from the upstream's request that way.
 */

const protectedNames = new Set([
  "content-length",
  "expect",
  "forwarded",
  "host",
  "max-forwards",
  "traceparent",
  "tracestate",
  "trailer",
  "via",
  "x-request-id",
]);

/** Names that a `Connection` field lists in most messages; they are dropped anyway. */
const usualOptions = /^(?:close|keep-alive|upgrade|te)$/i;

/**
 * The lowercase names that the Connection fields (every line) take away, or null when there are none beyond
 * those that are hop-by-hop anyway.
 */
export function connectionOptions(headers: readonly string[]): ReadonlySet<string> | null {
  let options: Set<string> | null = null;
  for (let at = 0; at < headers.length; at += 2) {
    if (!sameName(headers[at] as string, "connection")) continue;
    const value = headers[at + 1] as string;
    if (usualOptions.test(value)) continue;
    for (const part of value.split(",")) {
      const option = part.trim().toLowerCase();
      if (option !== "" && !isProtected(option)) (options ??= new Set()).add(option);
    }
  }
  return options;
}

function isProtected(lowerName: string): boolean {
  return (
    protectedNames.has(lowerName) ||
    lowerName.startsWith("x-forwarded-") ||
    lowerName.startsWith("x-sluice-")
  );
}

/** Fields that end at this hop in either direction, or that the transport writes itself. */
export function isHopByHop(name: string): boolean {
  switch (name.length) {
    case 2:
      return sameName(name, "te");
    case 7:
      return sameName(name, "upgrade");
    case 10:
      return sameName(name, "connection") || sameName(name, "keep-alive");
    case 14:
      return sameName(name, "content-length");
    case 16:
      return sameName(name, "proxy-connection");
    case 17:
      return sameName(name, "transfer-encoding");
    case 18:
      return sameName(name, "proxy-authenticate");
    case 19:
      return sameName(name, "proxy-authorization");
    case 25:
      return sameName(name, "proxy-authentication-info");
    default:
      return false;
  }
}

/** Compares a field name with a lowercase one, without making a string; names are tokens (RFC 9110 §5.1). */
export function sameName(name: string, lowerName: string): boolean {
  return name.length === lowerName.length && startsWithName(name, lowerName);
}

/** Whether a field name starts with a lowercase prefix. */
export function startsWithName(name: string, lowerPrefix: string): boolean {
  if (name.length < lowerPrefix.length) return false;
  for (let at = 0; at < lowerPrefix.length; at += 1) {
    // Letters differ from their capitals in this bit only, and no token character becomes `-` or a digit by it.
    if ((name.charCodeAt(at) | 0x20) !== lowerPrefix.charCodeAt(at)) return false;
  }
  return true;
}
