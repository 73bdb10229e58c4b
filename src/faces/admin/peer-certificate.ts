import { TLSSocket } from "node:tls";
import type { Socket } from "node:net";
import type { AdminAccess } from "../../core/config/model.ts";

/** Client certificates of the admin port: they are asked for, not demanded, because probes have none. */

/** Who vouched for the certificate of a connection, as long as it lasts. */
const vouchedBy = new WeakMap<Socket, string>();

/** Remembers by which authorities the handshake that just ended was checked. */
export function noteHandshake(socket: TLSSocket, clientCa: string | null): void {
  if (clientCa !== null && socket.authorized) vouchedBy.set(socket, clientCa);
}

/**
 * The common names and subject alternative names of the peer's certificate; null without one that the authorities in
 * force vouch for. A connection of before they changed has to shake hands again.
 */
export function certificateOf(
  socket: Socket,
  { tls }: Pick<AdminAccess, "tls">,
): readonly string[] | null {
  const clientCa = tls?.clientCa ?? null;
  if (!(socket instanceof TLSSocket) || clientCa === null) return null;
  if (vouchedBy.get(socket) !== clientCa) return null;
  const { subject, subjectaltname = "" } = socket.getPeerCertificate();
  return [...commonNamesOf(subject?.CN), ...alternativeNamesOf(subjectaltname)];
}

function commonNamesOf(written: string | string[] | undefined): readonly string[] {
  return written === undefined ? [] : [written].flat();
}

/** `DNS:a, URI:b`, where a name that could be mistaken for several is quoted as JSON. */
export function alternativeNamesOf(written: string): readonly string[] {
  const found = written.matchAll(
    /(?:^|, )(DNS|URI|email):(?:("(?:[^"\\]|\\.)*")|([^",]*))(?=, |$)/g,
  );
  return [...found].flatMap(([, , quoted, plain]) => {
    if (quoted === undefined) return plain === undefined ? [] : [plain];
    const name: unknown = JSON.parse(quoted);
    return typeof name === "string" ? [name] : [];
  });
}
