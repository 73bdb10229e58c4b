/**
 * A target's path in the form in which paths are compared (RFC 3986 §6.2.2): unreserved characters are
 * percent-decoded, other triplets get capitals, and dot segments are resolved, `%2e` included, so that no
 * spelling gets around a route. `%2F` is data, not a separator; only one layer of encoding is looked at.
 * What is forwarded stays as received, unless a route takes a prefix off it.
 */
export function normalisedPath(target: string): string {
  let end = 0;
  let isPlain = true;
  for (; end < target.length; end += 1) {
    const unit = target.charCodeAt(end);
    if (unit === 0x3f) break;
    if (unit === 0x25 || (unit === 0x2e && target.charCodeAt(end - 1) === 0x2f)) isPlain = false;
  }
  const path = end === target.length ? target : target.slice(0, end);
  return isPlain ? path : withoutDotSegments(decodeUnreserved(path));
}

/** Decodes the triplets of letters, digits, `-`, `.`, `_` and `~`; spells the others in capitals. */
export function decodeUnreserved(text: string): string {
  return text.replaceAll(/%[0-9A-Fa-f]{2}/g, (triplet) => {
    const character = String.fromCharCode(Number.parseInt(triplet.slice(1), 16));
    return /[A-Za-z0-9._~-]/.test(character) ? character : triplet.toUpperCase();
  });
}

/** RFC 3986 §5.2.4, for a path that starts with a slash. */
function withoutDotSegments(path: string): string {
  if (!path.startsWith("/")) return path;
  const segments = path.slice(1).split("/");
  const kept: string[] = [];
  for (const segment of segments) {
    if (segment === "..") kept.pop();
    else if (segment !== ".") kept.push(segment);
  }
  const last = segments.at(-1);
  const endsOpen = last === "." || last === "..";
  return `/${kept.join("/")}${endsOpen && kept.length > 0 ? "/" : ""}`;
}
