import { spawn } from "node:child_process";
import { once } from "node:events";
import { DatabaseSync } from "node:sqlite";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import { openSqliteStore } from "../../../src/control/store/sqlite-store.ts";
import type { Store } from "../../../src/control/store/store.ts";
import type { JournalEntry } from "../../../src/core/experiment/journal.ts";
import { entryOf, openStore, stateOf, storePath, valueOf } from "../../support/store.ts";

const childPath = fileURLToPath(new URL("../../support/store-child.ts", import.meta.url));

/** A child that appends; `acknowledged` grows as it does. */
function startChild(path: string, appends: number, subject: string) {
  const child = spawn(process.execPath, [childPath, path, String(appends), subject], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const acknowledged: number[] = [];
  const lines = createInterface({ input: child.stdout });
  const ended = Promise.all([once(child, "exit"), once(lines, "close")]);
  const waits: { readonly after: number; readonly resolve: () => void }[] = [];
  const wake = () => {
    for (const { after, resolve } of waits) if (acknowledged.length >= after) resolve();
  };
  const opening = once(lines, "line");
  lines.on("line", (line) => {
    if (line === "opening") return;
    acknowledged.push(Number(line));
    wake();
  });
  return {
    acknowledged,
    opening,
    acknowledgedAtLeast: (after: number) =>
      new Promise<void>((resolve) => {
        waits.push({ after, resolve });
        wake();
      }),
    /** Kills it now and resolves when all that it said has arrived. */
    kill: async () => {
      child.kill("SIGKILL");
      await ended;
    },
    /** Resolves to its exit code. */
    end: async () => {
      const [[code]] = (await ended) as [[number], unknown];
      return code;
    },
  };
}

function journalOf(store: Store): JournalEntry[] {
  const all: JournalEntry[] = [];
  for (;;) {
    const page = valueOf(store.read({ afterSequence: all.at(-1)?.sequence ?? 0, limit: 1000 }));
    if (page.length === 0) return all;
    all.push(...page);
  }
}

/** Entries come in pairs without a gap, and both states are those of the last pair. */
function checkAgreement(store: Store, subject: string): JournalEntry[] {
  const entries = journalOf(store).filter((entry) => entry.subject === subject);
  expect(entries.map(({ kind, facts }) => [kind, (facts as { count: number }).count])).toEqual(
    entries.map((_, at) => [at % 2 === 0 ? "first" : "second", Math.floor(at / 2) + 1]),
  );
  const last = entries.at(-1);
  const count = entries.length / 2;
  const states = [...valueOf(store.states("rollout")), ...valueOf(store.states("experiment"))];
  expect(
    states
      .filter((state) => state.subject === subject)
      .map(({ state, sequence }) => [
        typeof state === "number" ? state : (state as { count: number }).count,
        sequence,
      ]),
  ).toEqual(last === undefined ? [] : [last.sequence, last.sequence].map((s) => [count, s]));
  return entries;
}

describe("kill -9", () => {
  test(
    "at any moment loses nothing acknowledged and leaves no half append",
    { timeout: 60_000 },
    async () => {
      const path = storePath();
      const acknowledged: number[] = [];
      // The first ones are killed while they create the file; nothing says where exactly the others are.
      for (const after of [0, 0, 1, 1, 2, 3, 5, 8, 13, 21, 34, 2, 40, 7, 60, 11, 90, 1, 25, 120]) {
        const child = startChild(path, 1_000_000, "a");
        await (after === 0 ? child.opening : child.acknowledgedAtLeast(after));
        await child.kill();
        acknowledged.push(...child.acknowledged);
        const store = valueOf(openSqliteStore(path));
        const entries = checkAgreement(store, "a");
        const kept = new Set(entries.map(({ sequence }) => sequence));
        expect(acknowledged.filter((sequence) => !kept.has(sequence))).toEqual([]);
        store.close();
      }
      expect(acknowledged.length).toBeGreaterThan(440);
    },
  );
});

describe("two processes", () => {
  test("that open a new store and write at once both get everything in", async () => {
    const path = storePath();
    const children = ["a", "b", "c"].map((subject) => ({
      subject,
      child: startChild(path, 60, subject),
    }));
    for (const { child } of children) expect(await child.end()).toBe(0);
    const store = openStore(path);
    for (const { subject, child } of children) {
      const entries = checkAgreement(store, subject);
      expect(entries.filter((_, at) => at % 2 === 1).map(({ sequence }) => sequence)).toEqual(
        child.acknowledged,
      );
      expect(entries).toHaveLength(120);
    }
    expect(journalOf(store).map(({ sequence }) => sequence)).toEqual(
      Array.from({ length: 360 }, (_, at) => at + 1),
    );
  });

  test("one waits for the other's transaction and then goes on", async () => {
    const path = storePath();
    const store = openStore(path);
    valueOf(store.append([entryOf()], [stateOf()]));
    const holder = new DatabaseSync(path);
    holder.exec("BEGIN IMMEDIATE");
    const child = startChild(path, 1, "a");
    await child.opening;
    expect(child.acknowledged).toEqual([]);
    holder.exec("COMMIT");
    holder.close();
    expect(await child.end()).toBe(0);
    expect(child.acknowledged).toEqual([3]);
  });
});
