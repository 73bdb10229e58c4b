/** Whether `text` is an IPv4 or IPv6 address, without zone and without brackets. */
export function addressBits(text: string): 32 | 128 | null {
  if (isIpv4(text)) return 32;
  return isIpv6(text) ? 128 : null;
}

/** `10.0.0.0/8`, `::1/128`; a bare address gets its full prefix. Null when it is neither. */
export function parseCidr(text: string): string | null {
  const [address, prefix, ...rest] = text.split("/");
  const bits = addressBits(address as string);
  if (bits === null || rest.length > 0) return null;
  if (prefix === undefined) return `${text}/${bits}`;
  return /^(0|[1-9]\d{0,2})$/.test(prefix) && Number(prefix) <= bits ? text : null;
}

/** Whether a listener on `host` can be reached from this machine only. */
export function isLoopback(host: string): boolean {
  if (host.toLowerCase() === "localhost" || host === "::1") return true;
  return isIpv4(host) && host.startsWith("127.");
}

function isIpv4(text: string): boolean {
  const parts = text.split(".");
  return (
    parts.length === 4 && parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && +part < 256)
  );
}

function isIpv6(text: string): boolean {
  const halves = text.split("::");
  if (halves.length > 2) return false;
  const groups = halves.flatMap((half) => (half === "" ? [] : half.split(":")));
  const last = groups.at(-1);
  let count = groups.length;
  if (last?.includes(".") === true) {
    if (!isIpv4(last) || text.endsWith("::")) return false;
    groups.pop();
    count += 1;
  }
  if (!groups.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return false;
  return halves.length === 2 ? count < 8 : count === 8;
}
