import { afterEach, describe, expect, it } from "vitest";
import { createClient, SluiceError } from "../../../src/faces/client/client.ts";
import { createFakeTime } from "../../support/fake-time.ts";
import { freePorts, startTestSluice } from "../../support/sluice.ts";
import type { TestSluice } from "../../support/sluice.ts";
import { startUpstream } from "../../support/upstream.ts";
import type { TestUpstream } from "../../support/upstream.ts";
import { openAdmin } from "../admin/admin-port.ts";

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

const { clock, timers } = createFakeTime();
const random = { next: () => 0, hex32: () => "0".repeat(32) };
const clientOf = (admin: string) => createClient({ admin, clock, timers, random });

/** A whole Sluice with an A/B experiment `e` and a rollout `model`. */
async function start(): Promise<{ upstream: TestUpstream; sluice: TestSluice }> {
  const upstream = await startUpstream();
  ends.push(() => upstream.close());
  const sluice = await startTestSluice(`${freePorts()}
upstreams: { one: { url: "${upstream.url}" } }
routes: [ { match: "/model", experiment: model }, { match: "/**", experiment: e } ]
experiments:
  e:
    variants: { old: { upstream: one, control: true }, new: { upstream: one } }
    ends: { requests: 100000 }
  model:
    variants: { old: { upstream: one, control: true }, new: { upstream: one } }
    rollout: { steps: [ { share: 5%, gate: approval }, { share: 100% } ] }
    guardrails: [ { metric: error_rate, max: 5% } ]
`);
  ends.push(() => sluice.stop());
  return { upstream, sluice };
}

describe("a running Sluice", () => {
  it("answers everything that a client asks as the client expects it", async () => {
    const { sluice } = await start();
    const client = clientOf(sluice.adminUrl);
    expect((await client.status()).experiments.map(({ key }) => key)).toEqual(["e", "model"]);
    expect((await client.rollouts()).map(({ experiment }) => experiment)).toEqual(["model"]);
    expect(await client.rollout("model")).toMatchObject({ phase: "waiting" });
    expect((await client.experiments()).map(({ experiment }) => experiment)).toEqual(["e"]);
    expect(await client.alerts()).toMatchObject({ alerts: [] });
    const started = await client.commandRollout("model", "start", { actor: "ann", force: true });
    expect(started).toMatchObject({ phase: "stepping", share: 0.05 });
    const giveUp = new AbortController();
    const documents: unknown[] = [];
    await client.live(
      (update) => {
        documents.push(update);
        giveUp.abort();
      },
      { signal: giveUp.signal },
    );
    expect(documents).toMatchObject([
      { kind: "document", document: { rollouts: { model: { phase: "stepping" } } } },
    ]);
  });

  it("ends an experiment, and starts it anew with other users or the same", async () => {
    const { sluice } = await start();
    const client = clientOf(sluice.adminUrl);
    const ended = await client.endExperiment("e", { actor: "ann", reason: "enough" });
    expect(ended).toMatchObject({ phase: "ended", run: 1, reason: "enough" });
    expect(ended.journal.at(-1)).toMatchObject({ actor: "ann" });
    const kept = await client.startExperiment("e", { actor: "bob", keepUsers: true });
    expect(kept).toMatchObject({ phase: "running", run: 2, assignment_run: 1 });
    expect(kept.journal.at(-1)).toMatchObject({ actor: "bob" });
    await client.endExperiment("e");
    expect(await client.startExperiment("e")).toMatchObject({ run: 3, assignment_run: 3 });
  });

  it("takes a new experiment, or says everything that is wrong with it", async () => {
    const { sluice, upstream } = await start();
    const client = createClient({
      admin: sluice.adminUrl,
      proxy: sluice.url,
      clock,
      timers,
      random,
    });
    const variants = { old: { upstream: "one", control: true }, new: { upstream: "one" } };
    const created = await client.createExperiment({
      key: "prompts",
      experiment: { variants },
      routes: ["POST /chat"],
      actor: "ann",
    });
    expect(created).toMatchObject({ result: "applied", generation: 2 });
    expect((await client.experiments()).map(({ experiment }) => experiment)).toContain("prompts");
    await client.executeRequest({ path: "/chat", user: "ann", body: {} });
    expect(upstream.requests.at(-1)?.headers["x-sluice-experiment"]).toBe("prompts");
    const wrong = { old: { upstream: "nowhere", control: true }, new: { upstream: "away" } };
    const refused = await client
      .createExperiment({ key: "wrong", experiment: { variants: wrong } })
      .catch((error: unknown) => error as SluiceError);
    expect(refused).toBeInstanceOf(SluiceError);
    expect(refused).toMatchObject({
      code: "config_invalid",
      status: 422,
      issues: [
        { path: "experiments.wrong.variants.old.upstream" },
        { path: "experiments.wrong.variants.new.upstream" },
      ],
    });
    expect((refused as SluiceError).detail).toMatch(
      /^Invalid configuration: experiments\.wrong\.variants\.old\.upstream: .*; experiments\.wrong\.variants\.new\.upstream: /,
    );
  });

  it("refuses what it does not know", async () => {
    const { sluice } = await start();
    const client = clientOf(sluice.adminUrl);
    const failures = [
      client.startExperiment("model"),
      client.endExperiment("../rollouts/model"),
      client.acknowledge("nothing", "ann"),
    ].map((call) => call.catch((error: unknown) => error));
    expect(await Promise.all(failures)).toMatchObject([
      { code: "unknown_experiment", status: 404, issues: [] },
      { code: "unknown_experiment", status: 404 },
      { code: "command_refused", status: 409 },
    ]);
    expect(await client.rollout("model")).toMatchObject({ phase: "waiting" });
  });
});

it("alerts are acknowledged by name", async () => {
  const list = () => ({ alerts: [], resolved: [], silences: [], channels: [], without_room: 7 });
  const commands: unknown[] = [];
  const command = (...given: unknown[]) => {
    commands.push(given);
    return null;
  };
  const admin = await openAdmin({ sources: { alerts: { list, command } } });
  ends.push(() => admin.close());
  const client = clientOf(`http://127.0.0.1:${admin.port}`);
  expect(await client.acknowledge("no_traffic e", "ann")).toEqual(list());
  await client.acknowledge("no_traffic e");
  expect(commands).toEqual([
    [{ command: "acknowledge", alert: "no_traffic e", actor: "ann" }, "ann"],
    [{ command: "acknowledge", alert: "no_traffic e" }, "127.0.0.1"],
  ]);
});

it("a rollout is forced only by who says so", async () => {
  const commands: unknown[] = [];
  const command = (...given: unknown[]) => {
    commands.push(given);
    return undefined;
  };
  const admin = await openAdmin({ sources: { rollouts: { list: () => [], command } } });
  ends.push(() => admin.close());
  const client = clientOf(`http://127.0.0.1:${admin.port}`);
  for (const options of [{ actor: "ann", force: true }, { actor: "ann" }]) {
    await expect(client.commandRollout("model", "start", options)).rejects.toMatchObject({
      code: "unknown_rollout",
      status: 404,
    });
  }
  expect(commands).toEqual([
    ["model", "start", "ann", { force: true }],
    ["model", "start", "ann", {}],
  ]);
});

it("without a proxy, only requests through it fail", async () => {
  await expect(
    clientOf("http://127.0.0.1:9").executeRequest({ path: "/", user: "ann" }),
  ).rejects.toMatchObject({ code: "bad_request", status: null });
});
