import { afterEach, beforeEach, expect, test } from "vitest";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Agent, request } from "undici";
import { freePorts, startTestSluice, startTestSluiceFromFile } from "../support/sluice.ts";
import type { TestSluice } from "../support/sluice.ts";
import { startUpstream } from "../support/upstream.ts";
import type { TestUpstream } from "../support/upstream.ts";

let one: TestUpstream;
let other: TestUpstream;
let sluice: TestSluice | null = null;

beforeEach(async () => {
  [one, other] = await Promise.all([startUpstream("one"), startUpstream("other")]);
});

afterEach(async () => {
  await sluice?.stop();
  sluice = null;
  await Promise.all([one.close(), other.close()]);
});

const rolloutText = (share: string) => `${freePorts({ workers: 2 })}
upstreams:
  one: { url: "${one.url}" }
  other: { url: "${other.url}" }
routes:
  - { match: "/**", experiment: split }
experiments:
  split:
    variants:
      one: { upstream: one, control: true }
      other: { upstream: other }
    rollout: { share: ${share} }
`;

test("200 reloads under steady traffic, invalid ones in between, fail no request and only move users on", async () => {
  sluice = await startTestSluice(rolloutText("0%"));
  const { url } = sluice;
  const dispatcher = new Agent({ connections: 8 });
  const failures: unknown[] = [];
  const treated = new Set<string>();
  const state = { sent: 0, isOver: false };
  const sender = async (lane: number) => {
    while (!state.isOver) {
      state.sent += 1;
      const user = `user-${lane}-${state.sent % 50}`;
      try {
        const answer = await request(`${url}/x`, {
          dispatcher,
          method: "POST",
          headers: { "x-user-id": user },
          body: "x".repeat(1000),
        });
        const { upstream, bytes } = (await answer.body.json()) as Record<string, unknown>;
        if (answer.statusCode !== 200 || bytes !== 1000) failures.push(answer.statusCode);
        // The share only rises, so nobody goes back.
        if (upstream === "other") treated.add(user);
        else if (treated.has(user)) failures.push(`${user} went back`);
      } catch (error) {
        failures.push(error);
      }
    }
  };
  const traffic = [0, 1, 2, 3].map(sender);
  const outcomes: string[] = [];
  for (let at = 1; at <= 200; at += 1) {
    const before = state.sent;
    const text = at % 20 === 0 ? "routes: nonsense" : rolloutText(`${at / 2}%`);
    outcomes.push((await sluice.sluice.reload(text)).kind);
    // Traffic has gone through every table.
    while (state.sent < before + 4) await new Promise(setImmediate);
  }
  state.isOver = true;
  await Promise.all(traffic);
  await dispatcher.destroy();
  expect(failures).toEqual([]);
  expect(outcomes.filter((kind) => kind === "applied")).toHaveLength(190);
  expect(outcomes.filter((kind) => kind === "invalid")).toHaveLength(10);
  expect(state.sent).toBeGreaterThan(800);
  expect(treated.size).toBeGreaterThan(0);
  const status = sluice.sluice.status();
  expect(status.workers.map(({ restarts }) => restarts)).toEqual([0, 0]);
  expect(status.config.generation).toBe(191);
});

test("a changed file is applied by itself, an invalid one changes nothing and says so", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sluice-reload-"));
  try {
    const path = join(folder, "sluice.yaml");
    writeFileSync(path, rolloutText("0%"));
    sluice = await startTestSluiceFromFile(path);
    const upstreamOf = async () => {
      const { body } = await request(`${sluice?.url}/x`, { headers: { "x-user-id": "u" } });
      return ((await body.json()) as { upstream: string }).upstream;
    };
    expect(await upstreamOf()).toBe("one");
    writeFileSync(path, rolloutText("100%"));
    await sluice.logged({ msg: "configuration applied" });
    expect(await upstreamOf()).toBe("other");
    writeFileSync(path, rolloutText("120%"));
    await sluice.logged({ msg: "configuration invalid" });
    expect(await upstreamOf()).toBe("other");
    expect(sluice.sluice.status().config).toMatchObject({
      generation: 2,
      last_reload: { result: "invalid", reason: "file changed" },
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
