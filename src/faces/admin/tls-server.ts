import { createHash } from "node:crypto";
import type { RequestListener, ServerOptions } from "node:http";
import { createServer } from "node:https";
import type { Server } from "node:https";
import { createSecureContext } from "node:tls";
import type { AdminTls } from "../../core/config/model.ts";
import { noteHandshake } from "./peer-certificate.ts";

/** The admin port over TLS. */

export type TlsSources = {
  /** The certificates in force; a reload may change them, but not whether clients are asked for one. */
  readonly present: () => AdminTls;
  /** Reports certificates that cannot be used; those before them stay in use. */
  readonly fault: (error: unknown) => void;
};

/** Throws where certificate and key do not go together. */
export function createTlsServer(
  first: AdminTls,
  options: ServerOptions,
  listener: RequestListener,
  { present, fault }: TlsSources,
): Server {
  const unusable = findTlsFault(first);
  if (unusable !== null) throw new Error(unusable);
  let seen = first;
  let used = first;
  const server = createServer(
    {
      ...options,
      ...materialOf(first),
      // Probes have no certificate: who gets in is decided for each request.
      requestCert: first.clientCa !== null,
      rejectUnauthorized: false,
      handshakeTimeout: options.headersTimeout,
      minVersion: "TLSv1.2",
    },
    listener,
  );
  // Before each handshake, so that one begins with what is in force by then.
  server.prependListener("connection", () => {
    const next = present();
    if (next === seen) return;
    seen = next;
    try {
      server.setSecureContext(materialOf(next));
      used = next;
    } catch (error) {
      fault(error);
    }
  });
  server.on("secureConnection", (socket) => noteHandshake(socket, used.clientCa));
  return server;
}

/** Why the certificates cannot be used; null when they can. */
export function findTlsFault(tls: AdminTls | null): string | null {
  if (tls === null) return null;
  try {
    createSecureContext(materialOf(tls));
    return null;
  } catch (error) {
    const files = [tls.certFile, tls.keyFile, tls.clientCaFile].filter((file) => file !== null);
    return `admin.tls: ${files.join(", ")} cannot be used together: ${(error as Error).message}`;
  }
}

function materialOf({ cert, key, clientCa }: AdminTls) {
  return {
    cert,
    key,
    ...(clientCa !== null && {
      ca: clientCa,
      // A session that other authorities were asked about is not resumed.
      sessionIdContext: createHash("sha256").update(clientCa).digest("hex").slice(0, 32),
    }),
  };
}
