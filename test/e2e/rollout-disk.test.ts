import { spawnSync } from "node:child_process";
import { appendFileSync, mkdtempSync, rmdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
import { Agent, request } from "undici";
import { runCommandLine } from "../support/command-line.ts";
import { freePorts, startTestSluice, type TestSluice } from "../support/sluice.ts";
import { startUpstream, type TestUpstream } from "../support/upstream.ts";

/** Only root can mount a disk of its own. */
const disk = mkdtempSync(join(tmpdir(), "sluice-full-"));
const isMounted = run("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk);
const filler = join(disk, "filler");

afterAll(() => {
  if (isMounted) expect(run("umount", disk)).toBe(true);
  rmdirSync(disk);
});

function run(program: string, ...options: string[]): boolean {
  return spawnSync(program, options).status === 0;
}

function fill(): void {
  try {
    for (;;) appendFileSync(filler, new Uint8Array(1024));
  } catch (error) {
    expect(error).toMatchObject({ code: "ENOSPC" });
  }
}

describe.skipIf(!isMounted)(
  "a full disk (skipped: needs root to mount tmpfs, where it is not run)",
  () => {
    let upstream: TestUpstream;
    let sluice: TestSluice;
    let agent: Agent;

    beforeEach(async () => {
      upstream = await startUpstream();
      agent = new Agent({ connections: 8 });
      sluice = await startTestSluice(`${freePorts({ workers: 2 })}
store: { sqlite: "${join(disk, "s.db")}" }
upstreams: { one: { url: "${upstream.url}" } }
routes: [ { match: "/**", experiment: e } ]
experiments:
  e:
    variants: { old: { upstream: one, control: true }, new: { upstream: one } }
    rollout: { steps: [ { share: 30%, hold: 1h }, { share: 60%, gate: approval } ] }
`);
    });

    afterEach(async () => {
      await agent.destroy();
      await sluice.stop();
      await upstream.close();
      rmSync(filler, { force: true });
    });

    const rollout = (...line: string[]) =>
      runCommandLine(["rollout", ...line, "--admin", sluice.adminUrl]);

    /** How many of 50 users get the treatment; every request has to be answered. */
    async function treated(): Promise<number> {
      let count = 0;
      for (let user = 0; user < 50; user += 1) {
        const { statusCode, headers, body } = await request(`${sluice.url}/x`, {
          dispatcher: agent,
          headers: { "x-user-id": `user-${user}` },
        });
        await body.dump();
        expect(statusCode).toBe(200);
        if (headers["x-sluice-variant"] === "new") count += 1;
      }
      return count;
    }

    it("lets traffic flow and risk fall, never rise, says so, and is over when there is room", async () => {
      expect((await rollout("start", "e", "--actor", "ann")).exitCode).toBe(0);
      await expect.poll(treated).toBeGreaterThan(5);
      fill();
      const before = await treated();
      expect(await rollout("promote", "e")).toMatchObject({
        exitCode: 2,
        stderr: expect.stringContaining("the store cannot keep it"),
      });
      expect(await treated()).toBe(before);
      const told = () => sluice.logs.filter(({ msg }) => msg === "rollout not written down").length;
      for (let again = 0; again < 5; again += 1) await rollout("promote", "e");
      expect(told()).toBe(1);
      await expect
        .poll(
          async () => (await runCommandLine(["alerts", "list", "--admin", sluice.adminUrl])).stdout,
        )
        .toContain("store_unavailable");
      expect((await rollout("rollback", "e", "--actor", "ann")).exitCode).toBe(0);
      await expect.poll(treated).toBe(0);
      rmSync(filler);
      expect((await rollout("retry", "e", "--actor", "ann")).exitCode).toBe(0);
      await expect.poll(treated).toBe(before);
      expect((await rollout("promote", "e")).exitCode).toBe(0);
      await expect.poll(treated).toBeGreaterThan(before);
    });
  },
);
