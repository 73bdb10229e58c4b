import { afterEach, describe, expect, it } from "vitest";
import { createClient, SluiceError } from "../../../src/faces/client/client.ts";
import type { ClientOptions, RolloutStatus } from "../../../src/faces/client/client.ts";
import { createFakeTime } from "../../support/fake-time.ts";
import { startUpstream } from "../../support/upstream.ts";
import { openAdmin, status, system } from "../admin/admin-port.ts";

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});
const keep = <Started extends { close(): Promise<unknown> }>(started: Started): Started => {
  ends.push(() => started.close());
  return started;
};

const time = createFakeTime();
const noWhere = "http://127.0.0.1:9";
const client = (options: Partial<ClientOptions>) =>
  createClient({
    admin: noWhere,
    proxy: noWhere,
    clock: time.clock,
    timers: time.timers,
    random: { next: () => 0, hex32: () => "0".repeat(32) },
    ...options,
  });
const failureOf = async (promise: Promise<unknown>) => {
  const error = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(SluiceError);
  return error as SluiceError;
};

const rollout: RolloutStatus = {
  experiment: "a b/c",
  phase: "stepping",
  step: 1,
  steps: [{ share: 0.5, shadow: 0, hold_seconds: 1, min_requests: 0, min_users: 0, gate: "none" }],
  share: 0.5,
  shadow: 0,
  applied_share: 0.5,
  users: 0,
  requests: 0,
  preparation: null,
  waits_for: null,
  reason: null,
  verdicts: [],
  journal: [],
};

describe("the admin port", () => {
  it("is asked for status and rollouts, with the token", async () => {
    const rollouts = { list: () => [rollout], command: () => null };
    const { port } = keep(await openAdmin({ token: "secret", sources: { rollouts } }));
    const there = client({ admin: `http://127.0.0.1:${port}`, token: "secret" });
    expect(await there.status()).toEqual(status);
    expect(await there.system()).toEqual(system);
    expect(await there.session()).toEqual({
      role: "operator",
      authentication: "token",
      version: "1.2.3",
    });
    expect(await there.rollouts()).toEqual([rollout]);
    expect(await there.rollout("a b/c")).toEqual(rollout);
  });

  it("is told what a rollout is to do, by whom and why", async () => {
    const commands: unknown[] = [];
    const command = (...given: unknown[]) => {
      commands.push(given);
      return null;
    };
    const { port } = keep(
      await openAdmin({ sources: { rollouts: { list: () => [rollout], command } } }),
    );
    const there = client({ admin: `http://127.0.0.1:${port}` });
    expect(await there.commandRollout("a b/c", "pause", { actor: "ann", reason: "lunch" })).toEqual(
      rollout,
    );
    await there.commandRollout("a b/c", "start", { force: true });
    expect(commands).toEqual([
      ["a b/c", "pause", "ann", { reason: "lunch" }],
      ["a b/c", "start", "127.0.0.1", { force: true }],
    ]);
  });

  it("says in its problem document why not", async () => {
    const { port } = keep(
      await openAdmin({
        sources: { rollouts: { list: () => [rollout], command: () => "it is promoted" } },
      }),
    );
    const there = client({ admin: `http://127.0.0.1:${port}` });
    expect(await failureOf(there.rollout("none"))).toMatchObject({
      code: "unknown_rollout",
      status: 404,
      detail: 'No such rollout: No experiment "none" has a rollout with steps.',
    });
    const refused = await failureOf(there.commandRollout("a b/c", "pause"));
    expect(refused).toMatchObject({ code: "command_refused", status: 409 });
    expect(refused.message).toBe(
      `POST http://127.0.0.1:${port}/v1/rollouts/a%20b%2Fc was answered 409: Not possible now: it is promoted`,
    );
  });

  it.each([
    [undefined, "A token is needed"],
    ["wrong", "Wrong token"],
  ])("refuses the token %j", async (token, title) => {
    const { port } = keep(await openAdmin({ token: "secret" }));
    const there = client({
      admin: `http://127.0.0.1:${port}`,
      ...(token !== undefined && { token }),
    });
    const refused = await failureOf(there.status());
    expect(refused).toMatchObject({ code: "unauthorized", status: 401 });
    expect(refused.detail).toContain(title);
  });

  it("that is not there is unreachable", async () => {
    const gone = await startUpstream();
    await gone.close();
    const failure = await failureOf(client({ admin: gone.url }).status());
    expect(failure).toMatchObject({ code: "unreachable", status: null });
    expect(failure.message).toContain("ECONNREFUSED");
    expect(time.pending()).toBe(0);
  });

  it.each([
    ["other JSON", 200, "{}", "version: "],
    ["no JSON", 200, "<html>", "expected object"],
    ["an error that is no problem document", 502, "<html>", ""],
    ["a redirect", 302, "", ""],
  ])("that answers with %s is no Sluice", async (_, code, text, detail) => {
    const other = keep(await startUpstream());
    other.respond((_, response) => response.writeHead(code, { location: "/" }).end(text));
    const failure = await failureOf(client({ admin: other.url }).status());
    expect(failure).toMatchObject({ code: "bad_answer", status: code });
    expect(failure.detail).toContain(detail);
  });

  it("may take its time, and no more", async () => {
    const slow = keep(await startUpstream());
    slow.respond(() => undefined);
    const failing = failureOf(client({ admin: slow.url }).status());
    await slow.until(1);
    time.advance(9999);
    expect(time.pending()).toBe(1);
    time.advance(1);
    expect(await failing).toMatchObject({ code: "timed_out", status: null });
  });

  it("may take no longer for the body either", async () => {
    const slow = keep(await startUpstream());
    slow.respond((_, response) => response.write("{"));
    const { promise: headed, resolve } = Promise.withResolvers<void>();
    const watching: typeof fetch = async (...given) => {
      const response = await fetch(...given);
      resolve();
      return response;
    };
    const failing = failureOf(client({ admin: slow.url, fetch: watching }).status());
    await headed;
    time.advance(10_000);
    expect(await failing).toMatchObject({ code: "timed_out", status: null });
  });

  it("may say so much and no more", async () => {
    const text = JSON.stringify(status);
    const talker = keep(await startUpstream());
    talker.respond((_, response) => response.end(text));
    const limited = (adminAnswerBytesMax: number) =>
      client({ admin: talker.url, limits: { adminAnswerBytesMax } }).status();
    expect(await limited(text.length)).toEqual(status);
    const failure = await failureOf(limited(text.length - 1));
    expect(failure).toMatchObject({ code: "too_large", status: 200 });
  });
});

describe("a client", () => {
  it.each([
    { admin: "127.0.0.1:9090" },
    { admin: "ftp://127.0.0.1" },
    { proxy: "" },
    { token: "two words" },
    { token: "line\nbreak" },
    { token: "" },
  ])("is not made with %j", (options) => {
    expect(() => client(options)).toThrow(SluiceError);
  });
});
