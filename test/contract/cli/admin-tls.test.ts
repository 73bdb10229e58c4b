import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createSluiceClient } from "../../../src/main/client.ts";
import type { LiveDocument } from "../../../src/wire/live.ts";
import { createAuthority, hasOpenssl, type Authority } from "../../support/certificates.ts";
import { runCommandLine } from "../../support/command-line.ts";
import { startTestSluiceFromFile, type TestSluice } from "../../support/sluice.ts";

const missing = hasOpenssl() ? "" : " (skipped: needs openssl)";

describe.skipIf(missing !== "")(`an admin port with client certificates${missing}`, () => {
  const folder = mkdtempSync(join(tmpdir(), "sluice-admin-tls-"));
  let authority: Authority;
  let running: TestSluice;
  let files: Record<string, string>;
  let admin: string;

  const put = (name: string, text: string) => writeFileSync(join(folder, name), text);

  beforeAll(async () => {
    authority = createAuthority();
    const server = authority.issue("IP:127.0.0.1", "first");
    const [ann, viewer] = [authority.issue("a.test", "ann"), authority.issue("v.test", "v")];
    put("ca.pem", authority.ca);
    put("cert.pem", server.cert);
    put("key.pem", server.key);
    put(
      "sluice.yaml",
      `listen: { host: 127.0.0.1, port: 0 }
admin:
  port: 0
  tls: { cert: cert.pem, key: key.pem, client_ca: ca.pem, operators: [ ann ] }
upstreams: { a: { url: "http://127.0.0.1:9" } }
routes: [ { match: "/x", experiment: e } ]
experiments: { e: { variants: { control: { upstream: a }, new: { upstream: a } } } }
`,
    );
    running = await startTestSluiceFromFile(join(folder, "sluice.yaml"));
    admin = running.adminUrl.replace("http:", "https:");
    files = {
      "ca.pem": authority.ca,
      "ann.pem": ann.cert,
      "ann.key": ann.key,
      "viewer.pem": viewer.cert,
      "viewer.key": viewer.key,
    };
  });
  afterAll(async () => {
    await running.stop();
    authority.remove();
    rmSync(folder, { recursive: true });
  });

  const run = (words: string, env: Record<string, string> = {}) =>
    runCommandLine([...words.split(" "), "--url", admin], files, env);

  it.each([
    ["experiment list --ca ca.pem --cert ann.pem --key ann.key", 0, ""],
    ["experiment pause e --ca ca.pem --cert viewer.pem --key viewer.key", 2, "operators"],
    ["experiment pause e --ca ca.pem --cert ann.pem --key ann.key", 0, ""],
    ["report e --no-insights --ca ca.pem --cert viewer.pem --key viewer.key", 0, ""],
    ["experiment list --ca ca.pem", 2, "client certificate of admin.tls.client_ca"],
    ["experiment list --cert ann.pem --key ann.key", 1, "certificate"],
    ["experiment list --ca ca.pem --cert ann.pem", 2, "come together"],
    ["experiment list --ca none.pem", 2, "none.pem cannot be read"],
    ["experiment list --cert ann.pem --key viewer.key", 2, "cannot be used together"],
  ])("sluice %s → %i", async (words, exitCode, says) => {
    const done = await run(words);
    expect(done.stderr).toContain(says);
    expect(done.exitCode).toBe(exitCode);
  });

  it("the environment names the files as well", async () => {
    const env = {
      SLUICE_ADMIN_CA: "ca.pem",
      SLUICE_ADMIN_CERT: "ann.pem",
      SLUICE_ADMIN_KEY: "ann.key",
    };
    expect((await run("experiment list", env)).exitCode).toBe(0);
    const { watched } = await run("watch", env);
    expect(watched[0]?.tls).toEqual({
      ca: files["ca.pem"],
      cert: files["ann.pem"],
      key: files["ann.key"],
    });
  });

  function ann() {
    const { "ann.pem": cert = "", "ann.key": key = "" } = files;
    return createSluiceClient({ admin, tls: { ca: authority.ca, cert, key } });
  }

  it("the client library asks, acts and follows", async () => {
    const client = ann();
    expect(await client.session()).toMatchObject({
      role: "operator",
      authentication: "certificate",
    });
    const leaving = new AbortController();
    let document: LiveDocument | null = null;
    const followed = client.live(
      (update) => {
        if (update.kind === "document") ({ document } = update);
        leaving.abort();
      },
      { signal: leaving.signal },
    );
    await followed;
    expect(document).toMatchObject({ experiments: { e: { experiment: "e" } } });
    await client.commandExperiment("e", "resume", { reason: "for the journal" });
    const { entries } = await client.journal({ limit: 2 });
    expect(entries).toMatchObject([
      {
        scope: "admin",
        subject: "/v1/experiments/e",
        actor: "ann",
        what: "changed",
        facts: { role: "operator", proof: "certificate ann", address: "127.0.0.1" },
      },
      { scope: "experiment", subject: "e", actor: "ann", facts: { reason: "for the journal" } },
    ]);
  });

  it("takes a new certificate while it runs, refuses one without its key, and journals what changed", async () => {
    const shown = () =>
      new Promise<string | string[] | undefined>((resolve, reject) => {
        const { port, hostname: host } = new URL(admin);
        const socket = connect({ port: Number(port), host, ca: authority.ca }, () => {
          resolve(socket.getPeerCertificate().subject.CN);
          socket.destroy();
        });
        socket.on("error", reject);
      });
    expect(await shown()).toBe("first");
    const next = authority.issue("IP:127.0.0.1", "second");
    put("cert.pem", next.cert);
    const refused = await running.sluice.reloadFromFile("test");
    expect(refused).toMatchObject({ kind: "failed" });
    expect(JSON.stringify(refused)).toMatch(/admin\.tls: cert\.pem, key\.pem, ca\.pem cannot be/);
    expect(await shown()).toBe("first");
    put("key.pem", next.key);
    const applied = await running.sluice.reloadFromFile("test");
    expect(applied).toMatchObject({ kind: "applied" });
    expect(await shown()).toBe("second");
    const text = readFileSync(join(folder, "sluice.yaml"), "utf8");
    put("sluice.yaml", text.replace("new: { upstream: a }", "new: { upstream: a, weight: 3 }"));
    await running.sluice.reloadFromFile("SIGHUP");
    const { entries } = await ann().journal({ scope: "config" });
    const facts = (generation: number, reason: string, change: string) => {
      return { generation, reason, changes: JSON.stringify([change]), more_changes: 0 };
    };
    expect(entries).toMatchObject([
      { actor: "file", facts: facts(3, "SIGHUP", "experiments.e.variants.new: weight 1 → 3") },
      { what: "reloaded", actor: "file", facts: facts(2, "test", "admin: tls changed") },
    ]);
  });
});
