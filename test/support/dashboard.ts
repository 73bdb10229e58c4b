import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Agent, request } from "undici";
import { createLog } from "../../src/control/access-log.ts";
import { startSluice } from "../../src/main/sluice-process.ts";
import type { Sluice } from "../../src/main/running-sluice.ts";

/** A Sluice with a configuration file, a store and the dashboard, that starts again at the same addresses. */
export type DashboardSluice = {
  readonly address: string;
  readonly dataUrl: string;
  /** Lines of the log so far. */
  readonly log: string[];
  sluice(): Sluice;
  restart(): Promise<void>;
  halt(): Promise<void>;
  resume(): Promise<void>;
  stop(): Promise<void>;
};

/** `config` is everything but `listen`, `admin` and `store`; `admin` adds to the admin section. */
export async function startDashboard(
  page: { readonly folder: string },
  config: string,
  admin = "",
): Promise<DashboardSluice> {
  const folder = mkdtempSync(join(tmpdir(), "sluice-dashboard-e2e-"));
  const [dataPort, adminPort] = [await freePort(), await freePort()];
  const configPath = join(folder, "sluice.yaml");
  writeFileSync(
    configPath,
    `listen: { host: 127.0.0.1, port: ${dataPort}, workers: 1 }
admin: { host: 127.0.0.1, port: ${adminPort}${admin} }
store: { sqlite: "${join(folder, "sluice.db")}" }
${config}`,
  );
  const log: string[] = [];
  const start = () =>
    startSluice({
      configPath,
      env: {},
      version: "1.2.3",
      dashboardPath: page.folder,
      log: (level) => createLog(level, { write: (line: string) => void log.push(line) }),
    });
  let sluice = await start();
  let isUp = true;
  const halt = async () => {
    if (isUp) await sluice.stop();
    isUp = false;
  };
  const resume = async () => {
    sluice = await start();
    isUp = true;
  };
  return {
    address: `http://127.0.0.1:${adminPort}/`,
    dataUrl: `http://127.0.0.1:${dataPort}`,
    log,
    sluice: () => sluice,
    halt,
    resume,
    async restart() {
      await halt();
      await resume();
    },
    async stop() {
      await halt();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** `count` requests of `users` users in turn, eight at a time; resolves when all are answered. */
export async function burst(url: string, count: number, users: number): Promise<void> {
  const agent = new Agent({ connections: 8 });
  let sent = 0;
  const send = async () => {
    while (sent < count) {
      sent += 1;
      const headers = { "x-user-id": `user-${sent % users}` };
      const { body } = await request(url, {
        method: "POST",
        body: "{}",
        headers,
        dispatcher: agent,
      });
      await body.dump();
    }
  };
  try {
    await Promise.all(Array.from({ length: 8 }, send));
  } finally {
    await agent.destroy();
  }
}
