import type { FieldFacts } from "../http1/fields.ts";
import type { WorkerContext } from "../worker-context.ts";
import type { WireSocket } from "../wire-socket.ts";
import type { TunnelTarget } from "./tunnel.ts";

/** Only WebSocket is tunnelled; another Upgrade is ignored, as RFC 9110 §7.8 allows. */
export function asksForTunnel(method: string, facts: FieldFacts): boolean {
  if (!facts.connectionUpgrade || facts.upgrade?.toLowerCase() !== "websocket") return false;
  return method === "GET" && facts.contentLength <= 0 && facts.chunked === 0;
}

export type Upgrade = {
  readonly wire: WireSocket;
  /** Bytes that the client sent behind its request head. */
  readonly held: Buffer | null;
  /** The rewritten request head, closing blank line included. */
  readonly requestHead: string;
  /** Fields for the client, behind the upstream's status line. */
  readonly responseFields: string;
  readonly target: TunnelTarget;
  readonly handshakeMs: number;
};

/** How a handshake ended: the upstream's status, or why there is none. */
export type HandshakeResult = number | "failed" | "timeout" | "aborted";

/** Hands a connection over to a tunnel and says once how the handshake ended. */
export function startUpgrade(
  context: WorkerContext,
  upgrade: Upgrade,
  settle: (result: HandshakeResult) => void,
): void {
  const { wire, held, target, responseFields } = upgrade;
  let settled = false;
  const settleOnce = (result: HandshakeResult) => {
    if (settled) return;
    settled = true;
    context.wheel.remove(deadline);
    settle(result);
  };
  const deadline = context.wheel.create(() => settleOnce("timeout"));
  context.wheel.set(deadline, context.nowMs() + upgrade.handshakeMs);
  const head = `${upgrade.requestHead.slice(0, -2)}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`;
  context.tunnels.open(wire, head, held, target, responseFields, (status) => {
    context.readClock();
    settleOnce(status ?? (wire.closed ? "aborted" : "failed"));
  });
}
