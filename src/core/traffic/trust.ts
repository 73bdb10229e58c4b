import { isIpv4, parseIp, plainIp, type IpAddress } from "./ip-address.ts";

/** Says whether an address is trusted. */
export type Trust = (ip: string) => boolean;

type Block = { readonly groups: IpAddress; readonly bits: number };

/** Compiles CIDR blocks or single addresses, IPv4 or IPv6; throws on what is neither (validated before). */
export function compileTrust(blocks: readonly string[]): Trust {
  const compiled = blocks.map(parseBlock);
  return (ip) => {
    if (compiled.length === 0) return false;
    const address = parseIp(ip);
    return address !== null && compiled.some((block) => holds(block, address));
  };
}

const loopback = compileTrust(["127.0.0.0/8", "::1"]);

/** True for 127.0.0.0/8, ::1 and their mapped forms. */
export function isLoopback(ip: string): boolean {
  return loopback(ip);
}

/**
 * The client's address: the peer's, or behind trusted proxies the rightmost address of X-Forwarded-For
 * that is not itself a trusted proxy. Reading stops at the first entry that is no address: what stands left
 * of it was not written by a proxy that can be believed.
 */
export function clientAddress(peerIp: string, headers: readonly string[], trust: Trust): string {
  let client = plainIp(peerIp);
  if (!trust(client)) return client;
  for (let at = headers.length - 2; at >= 0; at -= 2) {
    const name = headers[at] as string;
    if (name.length !== 15 || name.toLowerCase() !== "x-forwarded-for") continue;
    const entries = (headers[at + 1] as string).split(",");
    for (let entry = entries.length - 1; entry >= 0; entry -= 1) {
      const hop = withoutPort((entries[entry] as string).trim());
      if (parseIp(hop) === null) return client;
      client = plainIp(hop);
      if (!trust(client)) return client;
    }
  }
  return client;
}

function parseBlock(text: string): Block {
  const slash = text.indexOf("/");
  const groups = parseIp(slash === -1 ? text : text.slice(0, slash));
  if (groups === null) throw new Error(`${text} is not an address or CIDR block`);
  const width = isIpv4(groups) && !text.includes(":") ? 32 : 128;
  const written = slash === -1 ? String(width) : text.slice(slash + 1);
  if (!/^\d{1,3}$/.test(written) || Number(written) > width) {
    throw new Error(`${text} is not an address or CIDR block`);
  }
  return { groups, bits: Number(written) + 128 - width };
}

function holds(block: Block, address: IpAddress): boolean {
  for (let at = 0; at * 16 < block.bits; at += 1) {
    const bits = Math.min(16, block.bits - at * 16);
    const differing = (block.groups[at] as number) ^ (address[at] as number);
    if (differing >> (16 - bits) !== 0) return false;
  }
  return true;
}

/** `1.2.3.4:567` and `[::1]:567` without port and brackets. */
function withoutPort(entry: string): string {
  if (entry.startsWith("[")) {
    const close = entry.indexOf("]");
    return close === -1 ? entry : entry.slice(1, close);
  }
  const colon = entry.indexOf(":");
  return colon !== -1 && colon === entry.lastIndexOf(":") ? entry.slice(0, colon) : entry;
}
