import { plainIp } from "../../core/traffic/ip-address.ts";
import { isLoopback } from "../../core/traffic/trust.ts";
import type { CompiledRouting } from "../routing.ts";

/** Who is at the other end of a client connection, and what is believed of them under one routing table. */
export type Peer = {
  readonly ip: string;
  readonly secure: boolean;
  readonly localPort: number;
  /** A trusted proxy: its X-Forwarded-* fields are believed. */
  trusted: boolean;
  /** May force a variant where only trusted peers may. */
  readonly loopback: boolean;
  routing: CompiledRouting;
};

export function createPeer(
  address: { ip: string; secure: boolean; localPort: number },
  routing: CompiledRouting,
): Peer {
  const ip = plainIp(address.ip);
  return { ...address, ip, trusted: routing.trust(ip), loopback: isLoopback(ip), routing };
}

/** Looks at the trusted blocks again after a reload. */
export function refreshPeer(peer: Peer, routing: CompiledRouting): void {
  if (peer.routing === routing) return;
  peer.routing = routing;
  peer.trusted = routing.trust(peer.ip);
}
