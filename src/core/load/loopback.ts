/** Whether a URL's host is this machine itself by its name alone; no other name is looked up. */
export function isLoopback(hostname: string): boolean {
  const host = hostname.toLowerCase().replace(/^\[|\]$/g, "");
  if (host === "localhost" || host.endsWith(".localhost")) return true;
  if (host === "::1") return true;
  // A URL's host is written out: 127.1 has become 127.0.0.1, and ::ffff:127.0.0.1 has become ::ffff:7f00:1.
  return /^127\.\d+\.\d+\.\d+$/.test(host) || /^::ffff:7f[0-9a-f]{2}:[0-9a-f]{1,4}$/.test(host);
}
