import { createSecureContext } from "node:tls";
import type { Dispatcher } from "undici";

/** How the client knows the admin port, and shows who it is; PEM texts. */
export type ClientTls = {
  /** Authorities to trust instead of the system's. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
};

/** A fetch that uses them. Throws where certificate and key do not go together. */
export function createTlsFetch(tls: ClientTls): typeof fetch {
  createSecureContext(tls);
  let dispatcher: Dispatcher | null = null;
  const send = async (url: string | URL, init: object) => {
    // Loaded when it is needed: commands without TLS start without it.
    const undici = await import("undici");
    dispatcher ??= new undici.Agent({ connect: { ...tls } });
    return undici.fetch(url, { ...init, dispatcher });
  };
  // Node's own fetch is an undici as well, but takes no agent of another version.
  return send as unknown as typeof fetch;
}
