import { describe, expect, it, onTestFinished } from "vitest";
import { runCommandLine } from "../support/command-line.ts";
import { ownerPassword } from "../support/postgres.ts";
import { openShared, usePostgres } from "../support/store-kinds.ts";
import { freePorts, startTestSluice } from "../support/sluice.ts";
import { stateOf, valueOf } from "../support/store.ts";
import { startUpstream } from "../support/upstream.ts";

const postgres = usePostgres();

async function startWith(url: string) {
  const upstream = await startUpstream();
  const text = `${freePorts()}
store: { postgres: "\${DATABASE_URL}" }
replica: { name: here }
upstreams: { a: { url: "${upstream.url}" } }
routes: [ { match: "/**", upstream: a } ]
`;
  const sluice = await startTestSluice(text, { env: { DATABASE_URL: url } });
  onTestFinished(async () => {
    await sluice.stop();
    await upstream.close();
  });
  const ask = async (path: string) => (await fetch(sluice.adminUrl + path)).text();
  return { sluice, text, ask };
}

describe.skipIf(postgres === null)("a Sluice that keeps its state in PostgreSQL", () => {
  it("says so, writes there, and shows its password nowhere", async () => {
    const url = (await postgres?.server().createDatabase()) ?? "";
    const { sluice, text, ask } = await startWith(url);
    await expect
      .poll(async () => JSON.parse(await ask("/v1/system")) as unknown)
      .toMatchObject({
        store: { kind: "postgres", up: true },
        replica: { authority: "lead" },
      });
    const names = await postgres?.server().query(url, "SELECT name FROM sluice.replica");
    expect(names).toEqual([{ name: "here" }]);
    const shown = await Promise.all(["/v1/config", "/v1/system", "/metrics"].map(ask));
    const journal = await runCommandLine(
      ["journal", "f.yaml"],
      { "f.yaml": text },
      { DATABASE_URL: url },
    );
    expect([journal.exitCode, journal.stderr]).toEqual([0, ""]);
    await postgres?.server().kill();
    await sluice.logged({ level: "error" });
    await postgres?.server().restart();
    expect([...shown, JSON.stringify(sluice.logs), journal.stdout].join("\n")).not.toContain(
      ownerPassword,
    );
  });

  it("serves before its server is there, and is whole when it comes", async () => {
    const server = postgres?.server();
    const url = (await server?.createDatabase()) ?? "";
    await server?.kill();
    const { sluice, ask } = await startWith(url);
    expect((await fetch(`${sluice.url}/x`)).status).toBe(200);
    await sluice.logged({
      msg: "the store cannot be used: everybody gets the control until it can",
    });
    await server?.restart();
    await expect
      .poll(async () => JSON.parse(await ask("/v1/system")) as unknown)
      .toMatchObject({ replica: { authority: "lead" } });
    valueOf(openShared(url).append([], [stateOf()]));
  });
});
