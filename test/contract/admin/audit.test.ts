import { afterEach, expect, it } from "vitest";
import { createMemoryJournal } from "../../../src/control/past/memory-journal.ts";
import { createAudit } from "../../../src/main/audit.ts";
import { createFakeTime } from "../../support/fake-time.ts";
import { ask, config, openAdmin } from "./admin-port.ts";
import type { AdminPort } from "./admin-port.ts";
import { openLive, answerTo } from "./live-port.ts";

let admin: AdminPort | null = null;
const open = async (options: Parameters<typeof openAdmin>[0]) => (admin = await openAdmin(options));
afterEach(async () => {
  await admin?.close();
  admin = null;
});

const token = "correct-horse";
const headers = { authorization: `Bearer ${token}`, "if-match": "*" };
const changed = config.replace("weight: 50", "weight: 70");

it.each([
  ["/v1/config", changed, "127.0.0.1"],
  ["/v1/rollouts/embeddings", '{"command":"pause","actor":"ann"}', "ann"],
  ["/v1/experiments/embeddings", '{"command":"pause","actor":"ann"}', "ann"],
  ["/v1/alerts", '{"command":"acknowledge","alert":"a","actor":"ann"}', "ann"],
])("a change by POST %s is told", async (path, body, actor) => {
  const key = { experiment: "embeddings" } as never;
  const { port, changes } = await open({
    token,
    sources: {
      rollouts: { list: () => [key], command: () => null },
      experiments: { list: () => [key], command: () => null },
      alerts: {
        list: () => ({ alerts: [], resolved: [], silences: [], channels: [], without_room: 0 }),
        command: () => null,
      },
    },
  });
  const answer = await ask(port, path, { method: "POST", headers, body });
  expect(answer.status).toBe(200);
  const address = "127.0.0.1";
  const method = "POST";
  expect(changes).toEqual([{ actor, method, path, role: "operator", proof: "token", address }]);
  expect(JSON.stringify(changes)).not.toContain(token);
});

it.each([
  ["GET", "/v1/config", "", 200],
  ["POST", "/v1/config?dry_run=true", changed, 200],
  ["POST", "/v1/config", "not: valid", 422],
  ["POST", "/v1/alerts", '{"command":"acknowledge","alert":"a"}', 409],
  ["POST", "/v1/metrics", '{"metrics":[{"request_id":"a","name":"b","value":1}]}', 200],
])("%s %s changes nothing (%j)", async (method, path, body, status) => {
  const { port, changes } = await open({ token });
  const options = method === "GET" ? { headers } : { method, headers, body };
  expect((await ask(port, path, options)).status).toBe(status);
  expect(changes).toEqual([]);
});

it.each(["controller", " Configuration", "file"])("nobody goes by the name %j", async (actor) => {
  const { port, changes } = await open({ token });
  for (const path of ["/v1/rollouts/a", "/v1/experiments/a", "/v1/alerts"]) {
    const body = JSON.stringify({ command: "pause", actor });
    const answer = await ask(port, path, { method: "POST", headers, body });
    expect(answer.status).toBe(400);
    if (path !== "/v1/alerts") expect(answer.text).toContain("a part of Sluice is called so");
  }
  expect(changes).toEqual([]);
});

it("what is denied is told with code and address", async () => {
  const { port, denials } = await open({ token, limits: { failuresMax: 1 } });
  await ask(port, "/v1/status?secret=1", { headers: { authorization: "Bearer wrong" } });
  await ask(port, "/v1/status");
  expect(denials).toEqual([
    { code: "unauthorized", address: "127.0.0.1", path: "/v1/status" },
    { code: "too_many_failed_tries", address: "127.0.0.1", path: "/v1/status" },
  ]);
});

it("an upgrade that is denied as well", async () => {
  const live = await openLive({ token });
  expect(await answerTo(live.port)).toMatchObject({ status: 401 });
  expect(live.denials).toEqual([{ code: "unauthorized", address: "127.0.0.1", path: "/v1/live" }]);
  await live.close();
});

it("is journalled, and denials are counted and told once a minute", () => {
  const time = createFakeTime();
  const logged: unknown[] = [];
  const journal = createMemoryJournal();
  const audit = createAudit({
    journal,
    clock: time.clock,
    log: (...line) => logged.push(line),
    file: "sluice.yaml",
  });
  const applied = {
    kind: "applied" as const,
    generation: 2,
    etag: '"e"',
    changes: Array.from({ length: 102 }, (_, at) => `experiments.e.variants.${at} added`),
    warnings: [],
    notSaved: null,
  };
  audit.reloaded("file", "SIGHUP", applied);
  audit.reloaded("ann", "API: ann", { kind: "conflict", etag: '"e"' });
  const read = journal.read({});
  expect(read.ok && read.value).toMatchObject([
    {
      scope: "config",
      subject: "sluice.yaml",
      kind: "reloaded",
      actor: "file",
      facts: { generation: 2, etag: '"e"', reason: "SIGHUP", more_changes: 2 },
    },
  ]);
  const denied = { code: "unauthorized", address: "10.0.0.1", path: "/" } as const;
  for (let count = 0; count < 5; count += 1) audit.denied(denied);
  time.advance(60_000);
  audit.denied(denied);
  expect(audit.denials()).toMatchObject({ unauthorized: 6, read_only: 0 });
  expect(logged).toEqual([
    ["warn", "denied at the admin port", { ...denied, times: 1 }],
    ["warn", "denied at the admin port", { ...denied, times: 5 }],
  ]);
});
