/** Says whether an address is trusted. */
export type Trust = (ip: string) => boolean;

/** Compiles CIDR blocks or single addresses, IPv4 or IPv6; throws on what is neither (validated before). */
export function compileTrust(blocks: readonly string[]): Trust {
  throw new Error(`stub ${blocks.length}`);
}

/** True for 127.0.0.0/8, ::1 and their mapped forms. */
export function isLoopback(ip: string): boolean {
  throw new Error(`stub ${ip}`);
}

/**
 * The client's address: the peer's, or behind trusted proxies the rightmost address of X-Forwarded-For
 * that is not itself a trusted proxy.
 */
export function clientAddress(peerIp: string, headers: readonly string[], trust: Trust): string {
  throw new Error(`stub ${peerIp} ${headers.length} ${trust(peerIp)}`);
}
