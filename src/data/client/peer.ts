import type { Random } from "../../base/clock.ts";
import type { RequestForward } from "../../core/traffic/forward.ts";
import { plainIp } from "../../core/traffic/ip-address.ts";
import { isLoopback } from "../../core/traffic/trust.ts";
import type { CompiledRouting } from "../routing.ts";

/** Who is at the other end of a client connection, and what is believed of them under one routing table. */
export type Peer = {
  readonly ip: string;
  readonly secure: boolean;
  /** May force a variant where only trusted peers may. */
  readonly loopback: boolean;
  /** What the header rules know of the connection, set anew where it changes with each request. */
  readonly forward: RequestForward;
  routing: CompiledRouting;
};

export function createPeer(
  address: { ip: string; secure: boolean; localPort: number },
  routing: CompiledRouting,
  random: Random,
): Peer {
  const ip = plainIp(address.ip);
  const forward: RequestForward = {
    peerIp: ip,
    secure: address.secure,
    localPort: address.localPort,
    random,
    peerTrusted: routing.trust(ip),
    host: "",
    version: "1.1",
    experiment: null,
    variant: null,
    edits: null,
    prefix: "",
    traceparent: "",
    startedTraceId: "",
    receivedTraceparent: null,
    requestId: "",
    memo: { host: "", version: "", text: "" },
  };
  return { ip, secure: address.secure, loopback: isLoopback(ip), forward, routing };
}

/** Looks at the trusted blocks again after a reload. */
export function refreshPeer(peer: Peer, routing: CompiledRouting): void {
  if (peer.routing === routing) return;
  peer.routing = routing;
  peer.forward.peerTrusted = routing.trust(peer.ip);
}
