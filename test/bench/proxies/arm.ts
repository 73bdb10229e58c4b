/**
 * The split that the JavaScript proxies in the comparison do: a hash of the user's id picks one of two
 * targets, so that no contender is spared the work.
 */
export function armOf(user: string | readonly string[] | undefined): 0 | 1 {
  const key = String(user ?? "");
  let hash = 0x811c9dc5;
  for (let at = 0; at < key.length; at += 1) {
    hash = Math.imul(hash ^ key.charCodeAt(at), 0x01000193);
  }
  return ((hash >>> 0) % 10_000) / 10_000 < 0.5 ? 0 : 1;
}
