import { execFileSync, spawn, spawnSync, type ChildProcess } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import pg from "pg";

/** Debian's PostgreSQL as a child process, in a folder of its own and on a free loopback port. */
export type RealPostgres = {
  readonly port: number;
  /** The URL of a new, empty database. */
  createDatabase(): Promise<string>;
  /** The URL of a database for another role, who has a password and no rights but to connect. */
  urlOf(database: string, role?: string, password?: string): string;
  /** One statement as the owner of everything, in the database of a URL. */
  query<Row = Record<string, unknown>>(url: string, sql: string): Promise<Row[]>;
  /** Stops every process of the server in its tracks; connections stay open and nothing answers. */
  pause(): void;
  resume(): void;
  /** As if the power had failed. */
  kill(): Promise<void>;
  /** Starts it again after `kill`, on the same port and with what it had kept. */
  restart(): Promise<void>;
  /** Ends it; resolves when it is gone and its folder too. */
  stop(): Promise<void>;
};

/** The password of the owner: nothing of Sluice may ever show it. */
export const ownerPassword = "s3cret-of-the-owner";

const versions = "/usr/lib/postgresql";
const installMsMax = 120_000;
const startMsMax = 60_000;

/** Whether there is a PostgreSQL; root gets one where there is none. */
export function hasPostgres(): boolean {
  if (findPrograms() !== null) return true;
  if (process.getuid?.() !== 0) return false;
  const install = (...words: string[]) =>
    spawnSync("apt-get", words, { stdio: "ignore", timeout: installMsMax }).status === 0;
  const wanted = ["install", "-y", "--no-install-recommends", "postgresql"];
  if (!install(...wanted)) install("update");
  return findPrograms() !== null || (install(...wanted) && findPrograms() !== null);
}

/** The folder of the newest version's programs. */
function findPrograms(): string | null {
  if (!existsSync(versions)) return null;
  const folders = readdirSync(versions)
    .toSorted((one, other) => Number(other) - Number(one))
    .map((version) => join(versions, version, "bin"));
  return folders.find((folder) => existsSync(join(folder, "initdb"))) ?? null;
}

/** PostgreSQL does not run as root. */
function asServer(command: string, words: readonly string[]): [string, string[]] {
  if (process.getuid?.() !== 0) return [command, [...words]];
  const user = ["--reuid=postgres", "--regid=postgres", "--init-groups"];
  return ["setpriv", [...user, command, ...words]];
}

export async function startPostgres(): Promise<RealPostgres> {
  const programs = findPrograms();
  if (programs === null) throw new Error("there is no PostgreSQL");
  const folder = mkdtempSync(join(tmpdir(), "sluice-postgres-"));
  const passwordPath = join(folder, "password");
  writeFileSync(passwordPath, ownerPassword);
  chmodSync(folder, 0o755);
  if (process.getuid?.() === 0) {
    const id = (option: string) =>
      Number(execFileSync("id", [option, "postgres"], { encoding: "utf8" }));
    for (const path of [folder, passwordPath]) chownSync(path, id("-u"), id("-g"));
  }
  const data = join(folder, "data");
  const [initdb, words] = asServer(join(programs, "initdb"), [
    "--no-sync",
    "--encoding=UTF8",
    "--locale=C",
    "--username=owner",
    "--auth=scram-sha-256",
    `--pwfile=${passwordPath}`,
    `--pgdata=${data}`,
  ]);
  execFileSync(initdb, words, { cwd: folder, stdio: "pipe", timeout: startMsMax });
  const port = await freePort();
  let server = await run(programs, folder, port);
  let databases = 0;
  const urlOf = (database: string, role = "owner", password = ownerPassword) =>
    `postgres://${role}:${encodeURIComponent(password)}@127.0.0.1:${port}/${database}`;
  const query = async <Row>(url: string, sql: string) => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      return (await client.query(sql)).rows as Row[];
    } finally {
      await client.end();
    }
  };
  const signalAll = (signal: NodeJS.Signals) => {
    for (const pid of processesOf(server)) {
      try {
        process.kill(pid, signal);
      } catch {
        // It has just ended.
      }
    }
  };
  const end = async (signal: NodeJS.Signals) => {
    if (server.exitCode !== null || server.signalCode !== null) return;
    signalAll("SIGCONT");
    const gone = new Promise((resolve) => server.once("exit", resolve));
    server.kill(signal);
    await gone;
  };
  return {
    port,
    urlOf,
    query,
    async createDatabase() {
      databases += 1;
      const name = `test_${databases}`;
      await query(urlOf("postgres"), `CREATE DATABASE ${name}`);
      return urlOf(name);
    },
    pause: () => signalAll("SIGSTOP"),
    resume: () => signalAll("SIGCONT"),
    // What PostgreSQL calls an immediate shutdown: nothing is tidied up, and the next start recovers.
    kill: () => end("SIGQUIT"),
    async restart() {
      await end("SIGINT");
      server = await run(programs, folder, port);
    },
    async stop() {
      await end("SIGQUIT");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function run(programs: string, folder: string, port: number): Promise<ChildProcess> {
  const settings = {
    listen_addresses: "127.0.0.1",
    unix_socket_directories: folder,
    max_connections: "60",
    shared_buffers: "32MB",
    // Nothing of it outlives the test.
    fsync: "off",
    full_page_writes: "off",
    max_wal_senders: "0",
    wal_level: "minimal",
  };
  const options = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const [command, words] = asServer(join(programs, "postgres"), [
    "-D",
    join(folder, "data"),
    "-p",
    String(port),
    ...options,
  ]);
  const server = spawn(command, words, { cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
  const log: string[] = [];
  await new Promise<void>((resolve, reject) => {
    const lines = createInterface(server.stderr);
    lines.on("line", (line) => {
      log.push(line);
      // The log is read on, so that the server never waits for a reader.
      if (line.includes("ready to accept connections")) resolve();
    });
    server.once("error", reject);
    server.once("exit", () => reject(new Error(`PostgreSQL ended:\n${log.join("\n")}`)));
  });
  return server;
}

/** The server's first process and all that it started. */
function processesOf({ pid }: ChildProcess): number[] {
  if (pid === undefined) return [];
  const children = readdirSync("/proc").filter((name) => {
    if (!/^\d+$/.test(name)) return false;
    try {
      // After the name in parentheses: the state, then the parent.
      const stat = readFileSync(join("/proc", name, "stat"), "utf8");
      return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]) === pid;
    } catch {
      return false;
    }
  });
  return [pid, ...children.map(Number)];
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, "127.0.0.1", resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
