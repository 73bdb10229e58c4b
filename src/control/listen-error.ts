import net from "node:net";

/** `host:port`, with brackets around an IPv6 address. */
export function formatAddress(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Why an address cannot be listened on, and what to do about it; `field` is the configuration's section. */
export function describeListenError(
  error: NodeJS.ErrnoException,
  { host, port, field }: { readonly host: string; readonly port: number; readonly field: string },
): string {
  const address = formatAddress(host, port);
  switch (error.code) {
    case "EADDRINUSE":
      return `${address} is in use: stop what listens there, or choose another ${field}.port`;
    case "EACCES":
      return `${address} needs more rights: choose ${field}.port 1024 or above, or grant CAP_NET_BIND_SERVICE`;
    case "EADDRNOTAVAIL":
      return `${address} is not an address of this machine: choose another ${field}.host`;
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return `${host} does not resolve to an address: choose another ${field}.host`;
    default:
      return `cannot listen on ${address}: ${error.message}`;
  }
}

/**
 * Whether nobody listens on the address yet; null when it is free, else the error. Workers share their
 * port by SO_REUSEPORT, which would let a second Sluice join in silently.
 */
export function probeAddress(host: string, port: number): Promise<NodeJS.ErrnoException | null> {
  return new Promise((resolve) => {
    const server = net.createServer((socket) => socket.destroy());
    server.once("error", (error) => resolve(error));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(null)));
  });
}
