import { afterEach, describe, expect, it } from "vitest";
import { createClient } from "../../../src/faces/client/client.ts";
import type { LiveUpdate } from "../../../src/faces/client/client.ts";
import { realClock, realRandom, realTimers } from "../../../src/main/system.ts";
import { freePorts, startTestSluice } from "../../support/sluice.ts";
import { startUpstream } from "../../support/upstream.ts";

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

describe("a client of a whole Sluice", () => {
  it("sees its own request in the live document, and the rollout that it starts and pauses", async () => {
    const upstream = await startUpstream();
    ends.push(() => upstream.close());
    const started = await startTestSluice(`${freePorts()}
upstreams:
  full: { url: "${upstream.url}" }
  compact: { url: "${upstream.url}" }
routes:
  - { match: "/**", experiment: embeddings }
experiments:
  embeddings:
    variants:
      full: { upstream: full, control: true }
      compact: { upstream: compact }
    assignment: { user: [ "header:x-user-id" ] }
    rollout:
      steps: [ { share: 50%, hold: 1h }, { share: 100% } ]
`);
    ends.push(() => started.stop());
    const client = createClient({
      admin: started.adminUrl,
      proxy: started.url,
      clock: realClock,
      timers: realTimers,
      random: realRandom,
    });
    const giveUp = new AbortController();
    const updates: LiveUpdate[] = [];
    let look = () => {};
    const following = client.live((update) => {
      updates.push(update);
      look();
    }, giveUp);
    ends.push(() => {
      giveUp.abort();
      return following;
    });
    const until = (isDone: (update: LiveUpdate) => boolean) =>
      new Promise<LiveUpdate>((resolve) => {
        look = () => {
          const last = updates.at(-1);
          if (last !== undefined && isDone(last)) resolve(last);
        };
        look();
      });
    await until(({ kind }) => kind === "document");
    const { response, variant } = await client.executeRequest({ path: "/ask", user: "ann" });
    expect(response.status).toBe(200);
    expect(["full", "compact"]).toContain(variant);
    await until(
      (update) =>
        update.kind === "document" &&
        update.document.traffic["embeddings"]?.variants[variant ?? ""]?.requests === 1,
    );
    await client.commandRollout("embeddings", "start", { force: true });
    const paused = await client.commandRollout("embeddings", "pause", { actor: "ann" });
    expect(paused.phase).toBe("paused");
    const shown = await until(
      (update) =>
        update.kind === "document" && update.document.rollouts["embeddings"]?.phase === "paused",
    );
    if (shown.kind !== "document") throw new Error("not a document");
    expect(shown.document.rollouts["embeddings"]?.journal).toContainEqual(
      expect.objectContaining({ actor: "ann" }),
    );
    expect(await client.rollout("embeddings")).toMatchObject({ phase: "paused" });
    expect(await client.status()).toMatchObject({ version: "test" });
  });

  it("reports metrics of its own for a request, and sees them", async () => {
    const upstream = await startUpstream();
    ends.push(() => upstream.close());
    const started = await startTestSluice(`${freePorts()}
upstreams: { one: { url: "${upstream.url}" } }
routes: [ { match: "/**", experiment: rated } ]
experiments:
  rated:
    variants: { control: { upstream: one }, treatment: { upstream: one } }
    assignment: { user: [ "header:x-user-id" ] }
    metrics: { rating: { from: api } }
`);
    ends.push(() => started.stop());
    const client = createClient({
      admin: started.adminUrl,
      proxy: started.url,
      clock: realClock,
      timers: realTimers,
      random: realRandom,
    });
    const { requestId, variant } = await client.executeRequest({ path: "/", user: "ann" });
    expect(await client.recordMetrics(requestId, { rating: 4 })).toBe(true);
    expect(await client.recordMetrics(requestId, { stars: 4 })).toBe(false);
    expect(await client.recordMetrics("unknown", { rating: 4 })).toBe(false);
    await expect
      .poll(async () => {
        const { experiments } = await client.status();
        return experiments[0]?.variants.find(({ key }) => key === variant)?.metrics;
      })
      .toEqual({ rating: { count: 1, mean: 4 } });
    await expect(client.recordMetrics(requestId, { "no name": 1 })).rejects.toThrow("report");
  });
});
