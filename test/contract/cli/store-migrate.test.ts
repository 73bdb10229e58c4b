import { existsSync } from "node:fs";
import { describe, expect, test } from "vitest";
import {
  historyResolutionsMs,
  type Store,
  type VerdictRow,
} from "../../../src/control/store/store.ts";
import { encodeHistory, historyOf } from "../../../src/core/telemetry/history.ts";
import { createRecorder } from "../../../src/core/telemetry/recorder.ts";
import type { SeriesDelta } from "../../../src/core/telemetry/snapshot.ts";
import { keyOf, recordExchange } from "../../core/telemetry/exchanges.ts";
import { runCommandLine } from "../../support/command-line.ts";
import { ownerPassword } from "../../support/postgres.ts";
import { openShared, usePostgres } from "../../support/store-kinds.ts";
import { entryOf, openStore, stateOf, storePath, valueOf } from "../../support/store.ts";

const postgres = usePostgres();
const newUrl = async () => (await postgres?.server().createDatabase()) ?? "";

const startMs = 20_000 * 86_400_000;
const hourMs = 3_600_000;

const counts = (() => {
  const recorder = createRecorder();
  recordExchange(recorder, recorder.series(keyOf()), { user: "u" });
  return encodeHistory(historyOf(recorder.snapshot(0, []).series[0] as SeriesDelta));
})();

const verdict: VerdictRow = {
  of: {
    experiment: "models",
    guardrail: "error_rate max",
    unit: "share",
    onBreach: "pause",
    dryRun: true,
  },
  atMs: startMs,
  verdict: "breach",
  value: 0.1,
  control: null,
  limit: 0.05,
  low: 0.07,
  high: 0.2,
  requests: 900,
  pValue: 0.001,
};

function fill(store: Store): void {
  for (let at = 0; at < 450; at += 1) {
    valueOf(
      store.append(
        [entryOf({ facts: { at, text: 'ü\n"' } })],
        [stateOf({ subject: `s${at % 3}`, state: at })],
      ),
    );
  }
  const rows = Array.from({ length: 500 }, (_, at) => {
    return {
      series: `[${at % 2}`,
      atMs: startMs + at * 10_000,
      resolutionMs: 10_000,
      counts,
    } as const;
  });
  valueOf(store.addHistory(rows));
  while (!valueOf(store.rollUp(startMs + hourMs)).isDone);
  // One that is too late for its minute, and one that waits.
  valueOf(store.addHistory([rows[0]!, { ...rows[1]!, atMs: startMs + 2 * hourMs }]));
  valueOf(
    store.addVerdicts([
      verdict,
      { ...verdict, atMs: startMs + 10_000, verdict: "ok", value: null },
    ]),
  );
}

/** All that a store tells, versions of states aside; what is left to roll up is rolled up first. */
function contentOf(store: Store): unknown {
  while (!valueOf(store.rollUp(startMs + 3 * hourMs)).isDone);
  const range = { fromMs: 0, toMs: 2 * startMs };
  return {
    journal: valueOf(store.read({ limit: 1000 })),
    states: valueOf(store.states("rollout")).map(({ subject, state, sequence }) => [
      subject,
      state,
      sequence,
    ]),
    history: historyResolutionsMs.map((resolutionMs) =>
      valueOf(store.readHistory({ ...range, resolutionMs })).rows.map(
        ({ series, atMs, counts }) => [series, atMs, Buffer.from(counts).toString("hex")],
      ),
    ),
    guardrails: valueOf(store.judgedGuardrails("models")),
    verdicts: valueOf(
      store.readVerdicts({
        experiment: "models",
        guardrail: "error_rate max",
        ...range,
        stepMs: 10_000,
      }),
    ),
  };
}

const migrate = (from: string, to: string, env: Record<string, string> = {}) =>
  runCommandLine(["store", "migrate", "--from", from, "--to", to], {}, env);

describe.skipIf(postgres === null)("sluice store migrate", () => {
  test("takes everything to PostgreSQL, and from there to a file again", async () => {
    const [path, back] = [storePath(), storePath()];
    const url = await newUrl();
    const first = openStore(path);
    fill(first);
    first.close();
    const there = await migrate(`sqlite:${path}`, "${DATABASE_URL}", { DATABASE_URL: url });
    expect([there.exitCode, there.stderr]).toEqual([0, ""]);
    expect(there.stdout).toContain("journal   450 entries");
    expect(there.stdout).toContain("states    3");
    expect(there.stdout).not.toContain(ownerPassword);
    const again = await migrate(url, `sqlite:${back}`);
    expect([again.exitCode, again.stderr]).toEqual([0, ""]);
    const [source, shared, file] = [openStore(path), openShared(url), openStore(back)];
    const wanted = contentOf(source);
    expect(contentOf(file)).toEqual(wanted);
    expect(contentOf(shared)).toEqual(wanted);
    // It goes on where it stood.
    expect(valueOf(shared.append([entryOf()], [stateOf({ subject: "s0", expected: 1 })]))).toBe(
      451,
    );
    expect(valueOf(file.append([entryOf()], []))).toBe(451);
  });

  test("makes one of several replicas' rows", async () => {
    const path = storePath();
    const url = await newUrl();
    const replicas = [openShared(url), openShared(url)];
    for (const store of replicas) {
      valueOf(store.addHistory([{ series: "[a", atMs: startMs, resolutionMs: 10_000, counts }]));
    }
    expect((await migrate(url, `sqlite:${path}`)).stdout).toContain("history   1 rows");
    const range = { fromMs: startMs, toMs: startMs + 1, resolutionMs: 10_000 } as const;
    expect(valueOf(openStore(path).readHistory(range))).toEqual(
      valueOf(replicas[0]!.readHistory(range)),
    );
  });

  test("refuses a store that is not empty, and leaves both as they were", async () => {
    const path = storePath();
    const url = await newUrl();
    valueOf(openStore(path).append([entryOf()], []));
    valueOf(openShared(url).append([entryOf(), entryOf()], []));
    const refused = await migrate(`sqlite:${path}`, url);
    expect(refused.exitCode).toBe(1);
    expect(refused.stderr).toMatch(/test_\d+ is not empty \(2 rows of journal\): copy into/);
    expect(refused.stderr).not.toContain(ownerPassword);
    expect((await migrate(url, `sqlite:${path}`)).exitCode).toBe(1);
    expect(valueOf(openStore(path).read({}))).toHaveLength(1);
    expect(valueOf(openShared(url).read({}))).toHaveLength(2);
  });

  test("keeps nothing of a copy that fails in the middle", async () => {
    const path = storePath();
    const url = await newUrl();
    const store = openStore(path);
    valueOf(store.append([entryOf()], [stateOf()]));
    store.close();
    valueOf(openShared(url).append([], []));
    // The journal is copied by the time that the states are refused.
    await postgres?.server().query(url, "ALTER TABLE sluice.state ADD CHECK (subject <> 'models')");
    const { exitCode, stderr } = await migrate(`sqlite:${path}`, url);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/SQLSTATE 23514 \(.*violates check constraint/);
    expect(valueOf(openShared(url).read({}))).toEqual([]);
  });

  test.each([
    ["sqlite:a", "sqlite:b"],
    ["postgres://h/a", "postgres://h/b"],
    ["sqlite:", "postgres://h/b"],
    ["mysql://h/a", "sqlite:b"],
    ["${UNSET}", "sqlite:b"],
  ])("from %s to %s is refused", async (from, to) => {
    const { exitCode, stderr } = await migrate(from, to);
    expect([exitCode, existsSync("b")]).toEqual([2, false]);
    expect(stderr).toContain("a file and a database");
  });

  test("says when there is no such file, and makes none", async () => {
    const path = storePath();
    const { exitCode, stderr } = await migrate(`sqlite:${path}`, await newUrl());
    expect([exitCode, existsSync(path)]).toEqual([1, false]);
    expect(stderr).toContain(path);
  });
});
