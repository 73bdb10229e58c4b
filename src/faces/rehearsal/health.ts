import { connect } from "node:net";
import { request, Agent } from "undici";
import type { Timers } from "../../base/clock.ts";
import type { Endpoint, UpstreamPolicy } from "../../core/traffic/policy.ts";

/** Of a check that the configuration does not say how long may take. */
const timeoutMs = 5000;

/** Asks every endpoint of an upstream once, as its health check does; the answer is what is wrong, nothing when all is well. */
export async function askHealth(upstream: UpstreamPolicy, timers: Timers): Promise<string[]> {
  const asked = await Promise.all(
    upstream.endpoints.map(async (endpoint) => {
      const fault = await askEndpoint(endpoint, upstream, timers);
      return fault === null ? [] : [`${upstream.name} at ${endpoint.origin}: ${fault}`];
    }),
  );
  return asked.flat();
}

async function askEndpoint(
  endpoint: Endpoint,
  { health, tls }: UpstreamPolicy,
  timers: Timers,
): Promise<string | null> {
  if (health === null) return tryConnection(endpoint);
  const { verify, ca, cert, key, serverName } = tls;
  const agent = new Agent({
    connect: {
      rejectUnauthorized: verify,
      ...(ca !== null && { ca }),
      ...(cert !== null && { cert }),
      ...(key !== null && { key }),
      ...(serverName !== null && { servername: serverName }),
    },
  });
  const late = new AbortController();
  const cancel = timers.after(health.timeoutMs, () => late.abort());
  try {
    const url = `${endpoint.origin}${endpoint.basePath}${health.path}`;
    const { statusCode, body } = await request(url, { dispatcher: agent, signal: late.signal });
    await body.dump();
    if (statusCode >= 200 && statusCode < 400) return null;
    return `GET ${health.path} was answered with ${statusCode}`;
  } catch (error) {
    if (late.signal.aborted)
      return `GET ${health.path} was not answered within ${health.timeoutMs} ms`;
    return `GET ${health.path}: ${(error as Error).message}`;
  } finally {
    cancel();
    await agent.destroy();
  }
}

/** Without a health check, whether it takes connections is all that can be asked. */
function tryConnection({ host, port }: Endpoint): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (fault: string | null) => {
      socket.destroy();
      resolve(fault);
    };
    socket.setTimeout(timeoutMs, () => end(`no connection within ${timeoutMs} ms`));
    socket.once("connect", () => end(null));
    socket.once("error", (error) => end(error.message));
  });
}
