import { outcomeOfStatus, type Outcome } from "../../core/traffic/outcome.ts";
import type { Endpoint } from "../../core/traffic/policy.ts";
import type { RefusalCode } from "../../core/traffic/refusal.ts";
import type { ClientConnection } from "../client/client-connection.ts";
import type { FieldFacts } from "../http1/fields.ts";
import { problemAnswer } from "./answer.ts";
import type { UpstreamEndpoint } from "../upstream/upstream.ts";
import type { Choice } from "./choice.ts";
import type { Delivery } from "./delivery.ts";
import { tunnelsMax } from "./tunnel.ts";

/** Only WebSocket is tunnelled; another Upgrade is ignored, as RFC 9110 §7.8 allows. */
export function asksForTunnel(method: string, facts: FieldFacts): boolean {
  if (!facts.connectionUpgrade || facts.upgrade?.toLowerCase() !== "websocket") return false;
  return method === "GET" && facts.contentLength <= 0 && facts.chunked === 0;
}

/** How a tunnel's handshake ended: what counts as the exchange; the tunnel may live for hours behind it. */
export type HandshakeEnd = {
  readonly outcome: Outcome;
  /** The upstream's status; null when it gave none. */
  readonly status: number | null;
  readonly code: RefusalCode | null;
};

/** An upgrade: its request, for whom it is, and where it goes. */
type Upgrade = {
  /** The rewritten request head, closing blank line included. */
  readonly requestHead: string;
  readonly choice: Choice;
  readonly endpoint: Endpoint;
};

/** Hands a client's connection over to a tunnel and says once how the handshake ended. */
function startUpgrade(
  client: ClientConnection,
  upgrade: Upgrade,
  settle: (end: HandshakeEnd) => void,
): void {
  const { context } = client;
  const { arm, setCookie } = upgrade.choice;
  const { wire, held } = client.release();
  let settled = false;
  const settleOnce = (status: number | null, code: RefusalCode) => {
    if (settled) return;
    settled = true;
    context.wheel.remove(deadline);
    if (status !== null) settle({ outcome: outcomeOfStatus(status), status, code: null });
    else if (wire.closed) settle({ outcome: "aborted", status, code: null });
    else {
      wire.writeText(
        problemAnswer(code, "", { close: true, variant: arm.shownVariant, withoutBody: false }),
      );
      wire.end();
      settle({
        outcome: code === "upstream_upgrade_failed" ? "proxy_error" : "timeout",
        status,
        code,
      });
    }
  };
  const deadline = context.wheel.create(() => settleOnce(null, "upstream_timeout_first_byte"));
  context.wheel.set(deadline, context.nowMs() + arm.timeouts.firstByteMs);
  const requestHead = `${upgrade.requestHead.slice(0, -2)}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`;
  const responseFields =
    (arm.shownVariant === null ? "" : `x-sluice-variant: ${arm.shownVariant}\r\n`) +
    (setCookie === null ? "" : `set-cookie: ${setCookie}\r\n`);
  const target = { endpoint: upgrade.endpoint, tls: arm.upstream.policy.tls };
  context.tunnels.open(wire, requestHead, held, target, responseFields, (status) => {
    context.readClock();
    settleOnce(status, "upstream_upgrade_failed");
  });
}

/** Places the request and hands the connection over to a tunnel; says why that cannot be. */
export function openTunnel(
  client: ClientConnection,
  delivery: Delivery,
  choice: Choice,
  settle: (end: HandshakeEnd) => void,
): "opened" | "unavailable" | "too_many" {
  const { context } = client;
  if (!delivery.place(choice, context.nowMs(), false)) return "unavailable";
  if (context.tunnels.size >= tunnelsMax) return "too_many";
  const requestHead = delivery.buildHead(choice);
  delivery.sentMs = context.nowMs();
  const { endpoint } = delivery.endpoint as UpstreamEndpoint;
  startUpgrade(client, { requestHead, choice, endpoint }, (end) => {
    if (end.status === 101) context.counters.upgrades += 1;
    settle(end);
  });
  return "opened";
}
