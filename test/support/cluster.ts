import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openLink, type Link } from "./link.ts";
import type { RealPostgres } from "./postgres.ts";
import { freePorts } from "./sluice.ts";
import { startSluiceProcess, type SluiceProcess } from "./sluice-process.ts";
import { systemOf } from "./system.ts";

/** One `sluice serve` of several, with a path of its own to the store. */
export type Member = {
  readonly name: string;
  process: SluiceProcess;
  readonly link: Link;
  /** Starts it again after it was ended. */
  restart(): Promise<void>;
};

export type Cluster = {
  readonly members: readonly Member[];
  /** The URL of the database that they share. */
  readonly databaseUrl: string;
  /** Waits until one of these leads and all know the same; tells which. */
  leader(among?: readonly Member[]): Promise<Member>;
  close(): Promise<void>;
};

/** Starts processes that share a new database; `text` is the configuration behind ports, store and replica. */
export async function startCluster(
  postgres: RealPostgres,
  count: number,
  text: (member: number) => string,
  { listen = "" } = {},
): Promise<Cluster> {
  const folder = mkdtempSync(join(tmpdir(), "sluice-cluster-"));
  const databaseUrl = await postgres.createDatabase();
  const start = async (at: number): Promise<Member> => {
    const name = `replica-${at}`;
    const link = await openLink(postgres.port);
    const url = databaseUrl.replace(`:${postgres.port}/`, `:${link.port}/`);
    const path = join(folder, `${name}.yaml`);
    writeFileSync(
      path,
      `${freePorts({ listen })}
store: { postgres: "${url}", spool: "${join(folder, name)}" }
replica: { name: ${name} }
${text(at)}`,
    );
    const member: Member = {
      name,
      process: await startSluiceProcess(path),
      link,
      async restart() {
        member.process = await startSluiceProcess(path);
      },
    };
    return member;
  };
  const members = await Promise.all(Array.from({ length: count }, (_, at) => start(at)));
  return {
    members,
    databaseUrl,
    async leader(among = members) {
      for (;;) {
        const systems = await Promise.all(among.map(({ process }) => systemOf(process.adminUrl)));
        const leading = among.filter((_, at) => systems[at]?.replica?.authority === "lead");
        const isKnown = systems.every(({ replica }) => replica?.authority !== "cut_off");
        if (leading[0] !== undefined && leading.length === 1 && isKnown) return leading[0];
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
    async close() {
      await Promise.all(
        members.map(async ({ process, link }) => {
          await process.kill();
          await link.close();
        }),
      );
      rmSync(folder, { recursive: true });
    },
  };
}
