import { connect, createServer, type AddressInfo } from "node:net";
import { parentPort, workerData } from "node:worker_threads";

/** The proxy of `deaf-proxy.ts`: a thread, because the test's own stands still while it waits for an answer. */
const { port, host, flags } = workerData as {
  readonly port: number;
  readonly host: string;
  /** 0 hears everything, 1 stops hearing with the next commit, 2 hears nothing. */
  readonly flags: Int32Array;
};

const server = createServer((client) => {
  const upstream = connect(port, host);
  client.on("data", (bytes: Buffer) => {
    if (bytes.includes("COMMIT\0")) Atomics.compareExchange(flags, 0, 1, 2);
    upstream.write(bytes);
  });
  upstream.on("data", (bytes: Buffer) => {
    if (Atomics.load(flags, 0) !== 2) client.write(bytes);
  });
  for (const [one, other] of [
    [client, upstream],
    [upstream, client],
  ] as const) {
    one.on("error", () => {});
    one.on("close", () => other.destroy());
  }
});
server.listen(0, "127.0.0.1", () => {
  parentPort?.postMessage((server.address() as AddressInfo).port);
});
