/**
 * Addresses as eight groups of 16 bits. IPv4 is held in its mapped form `::ffff:a.b.c.d`, so that an address
 * and its mapped spelling are the same.
 */
export type IpAddress = readonly number[];

const mappedPrefix: readonly number[] = [0, 0, 0, 0, 0, 0xffff];

/** Parses an IPv4 or IPv6 address (a zone such as `%eth0` is left aside), or null. */
export function parseIp(text: string): IpAddress | null {
  if (text.length > 64) return null;
  if (!text.includes(":")) {
    const groups = parseIpv4(text);
    return groups === null ? null : [...mappedPrefix, ...groups];
  }
  const zone = text.indexOf("%");
  return parseIpv6(zone === -1 ? text : text.slice(0, zone));
}

/** True for `::ffff:a.b.c.d`. */
export function isIpv4(address: IpAddress): boolean {
  return mappedPrefix.every((group, at) => group === address[at]);
}

/** The address as text: an IPv4 address in any spelling becomes dotted; other text stays as it is. */
export function plainIp(text: string): string {
  const isMapped = text.startsWith("::") && text.length > 7;
  if (!isMapped) return text;
  const address = parseIp(text);
  if (address === null || !isIpv4(address)) return text;
  const [high, low] = [address[6] as number, address[7] as number];
  return `${high >> 8}.${high & 0xff}.${low >> 8}.${low & 0xff}`;
}

/** Two groups, or null. Leading zeros are refused: some readers take them for octal. */
function parseIpv4(text: string): [number, number] | null {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (match === null) return null;
  const bytes = match.slice(1).map(Number);
  const isCanonical = bytes.every((byte, at) => byte <= 255 && String(byte) === match[at + 1]);
  if (!isCanonical) return null;
  const [first, second, third, fourth] = bytes as [number, number, number, number];
  return [first * 256 + second, third * 256 + fourth];
}

function parseIpv6(text: string): IpAddress | null {
  const halves = text.split("::");
  if (halves.length > 2) return null;
  const head = parseGroups(halves[0] as string, halves.length === 1);
  const tail = halves.length === 2 ? parseGroups(halves[1] as string, true) : [];
  if (head === null || tail === null) return null;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return null;
  return [...head, ...Array.from({ length: missing }, () => 0), ...tail];
}

function parseGroups(text: string, mayEndInIpv4: boolean): number[] | null {
  if (text === "") return [];
  const parts = text.split(":");
  const groups: number[] = [];
  for (const [at, part] of parts.entries()) {
    if (mayEndInIpv4 && at === parts.length - 1 && part.includes(".")) {
      const pair = parseIpv4(part);
      if (pair === null) return null;
      groups.push(...pair);
    } else if (/^[0-9A-Fa-f]{1,4}$/.test(part)) {
      groups.push(Number.parseInt(part, 16));
    } else {
      return null;
    }
  }
  return groups;
}
