import { existsSync, readFileSync, renameSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { openSqliteStore } from "../../../src/control/store/sqlite-store.ts";
import {
  appendEntriesMax,
  factsCharactersMax,
  journalReadMax,
  stateCharactersMax,
} from "../../../src/control/store/store.ts";
import type { JsonValue } from "../../../src/core/experiment/policy.ts";
import { entryOf, faultCode, openStore, stateOf, storePath, valueOf } from "../../support/store.ts";

describe("the journal and the states", () => {
  test("are there again after closing and opening, in a folder that was made for them", () => {
    const path = storePath();
    expect(existsSync(dirname(path))).toBe(false);
    const store = openStore(path);
    expect(valueOf(store.append([], []))).toBe(0);
    expect(valueOf(store.append([entryOf(), entryOf({ kind: "paused" })], [stateOf()]))).toBe(2);
    store.close();
    const again = openStore(path);
    expect(valueOf(again.read({}))).toEqual([
      { ...entryOf(), sequence: 1 },
      { ...entryOf({ kind: "paused" }), sequence: 2 },
    ]);
    expect(valueOf(again.states("rollout"))).toEqual([
      { subject: "models", state: { kind: "holding" }, sequence: 2, version: 0 },
    ]);
    expect(valueOf(again.append([entryOf()], []))).toBe(3);
  });

  test("any text and any JSON comes back as it was", () => {
    const store = openStore(":memory:");
    const text = fc.string({ unit: "grapheme", maxLength: 30 });
    fc.assert(
      fc.property(text, text, text, fc.jsonValue({ noUnicodeString: false }), (a, b, c, json) => {
        // JSON knows no -0.
        const facts = JSON.parse(JSON.stringify(json)) as JsonValue;
        const entry = entryOf({ actor: a, subject: b, kind: c, facts });
        const sequence = valueOf(store.append([entry], []));
        expect(valueOf(store.read({ afterSequence: sequence - 1 }))).toEqual([
          { ...entry, sequence },
        ]);
      }),
    );
  });

  test("a state is replaced, is told apart by scope and subject, and goes when it is null", () => {
    const store = openStore(":memory:");
    valueOf(
      store.append(
        [entryOf()],
        [stateOf(), stateOf({ scope: "alert" }), stateOf({ subject: "b" })],
      ),
    );
    const sequence = valueOf(
      store.append([entryOf()], [stateOf({ state: [1] }), stateOf({ subject: "b", state: null })]),
    );
    expect(valueOf(store.states("rollout"))).toEqual([
      { subject: "models", state: [1], sequence, version: 0 },
    ]);
    expect(valueOf(store.states("alert"))).toHaveLength(1);
    expect(valueOf(store.states("config"))).toEqual([]);
  });

  test("a value without JSON changes nothing", () => {
    const store = openStore(":memory:");
    const circular: Record<string, JsonValue> = {};
    circular["self"] = circular;
    expect(() => store.append([entryOf(), entryOf({ facts: circular })], [])).toThrow(TypeError);
    // A time that is not whole is a bug as well, found by the database in the middle of the transaction.
    expect(() => store.append([entryOf(), entryOf({ atMs: 0.5 })], [])).toThrow(
      /cannot store REAL/,
    );
    expect(valueOf(store.read({}))).toEqual([]);
    expect(valueOf(store.append([entryOf()], []))).toBe(1);
  });

  test("the journal can neither be changed nor shortened, not even by other programs", () => {
    const path = storePath();
    valueOf(openStore(path).append([entryOf()], []));
    const database = new DatabaseSync(path);
    for (const sql of ["DELETE FROM journal", "UPDATE journal SET actor = 'eve'"]) {
      expect(() => database.exec(sql)).toThrow("the journal is append-only");
    }
    database.close();
  });
});

describe("reading the journal", () => {
  const store = valueOf(openSqliteStore(":memory:"));
  for (let at = 1; at <= 1200; at += 1) {
    const written = at % 3 === 0 ? { scope: "alert" as const } : {};
    valueOf(store.append([entryOf({ subject: `s${at % 2}`, ...written })], []));
  }
  const sequences = (query: Parameters<typeof store.read>[0]) =>
    valueOf(store.read(query)).map(({ sequence }) => sequence);

  test.each([
    [{ limit: 3 }, [1, 2, 3]],
    [{ limit: 3, newestFirst: true }, [1200, 1199, 1198]],
    [{ limit: 2, newestFirst: true, beforeSequence: 1199 }, [1198, 1197]],
    [{ afterSequence: 1198 }, [1199, 1200]],
    [{ afterSequence: 1200 }, []],
    [{ scope: "alert", limit: 3 } as const, [3, 6, 9]],
    [{ subject: "s0", limit: 3 }, [2, 4, 6]],
    [{ subject: "s0", scope: "alert", afterSequence: 6, limit: 2 } as const, [12, 18]],
    [{ limit: 0 }, [1]],
  ])("%j", (query, expected) => {
    expect(sequences(query)).toEqual(expected);
  });

  test("100 entries unless told, and 1000 at most", () => {
    expect(sequences({})).toHaveLength(100);
    expect(sequences({ limit: 5000 })).toHaveLength(journalReadMax);
    expect(sequences({ limit: journalReadMax, afterSequence: 1000 })).toHaveLength(200);
  });
});

describe("limits of one append", () => {
  test.each([
    ["entries", Array.from({ length: appendEntriesMax + 1 }, () => entryOf()), []],
    ["facts", [entryOf(), entryOf({ facts: "x".repeat(factsCharactersMax - 1) })], []],
    ["a state", [entryOf()], [stateOf({ state: "x".repeat(stateCharactersMax - 1) })]],
  ] as const)("%s: one more than the limit is refused whole", (_, entries, states) => {
    const store = openStore(":memory:");
    expect(faultCode(store.append(entries, states))).toBe("too_large");
    expect(valueOf(store.read({}))).toEqual([]);
  });

  test("at the limits it is taken", () => {
    const store = openStore(":memory:");
    const entries = Array.from({ length: appendEntriesMax }, () => entryOf());
    expect(valueOf(store.append(entries, []))).toBe(appendEntriesMax);
    const facts = "x".repeat(factsCharactersMax - 2);
    const state = "x".repeat(stateCharactersMax - 2);
    valueOf(store.append([entryOf({ facts })], [stateOf({ state })]));
  });
});

describe("a store", () => {
  test("that is closed says so, and can be closed again", () => {
    const store = openStore(storePath());
    store.close();
    store.close();
    expect([
      faultCode(store.append([entryOf()], [])),
      faultCode(store.states("rollout")),
      faultCode(store.rollUp(0)),
    ]).toEqual(["io", "io", "io"]);
  });

  test("whose file was deleted or replaced acknowledges nothing", () => {
    const path = storePath();
    const store = openStore(path);
    valueOf(store.append([entryOf()], []));
    renameSync(path, `${path}.old`);
    expect(faultCode(store.append([entryOf()], []))).toBe("io");
    openStore(path);
    expect(faultCode(store.append([entryOf()], []))).toBe("io");
  });

  test("to look at only is read, and neither written nor created", () => {
    const path = storePath();
    expect(faultCode(openSqliteStore(path, { isReadOnly: true }))).toBe("unreadable");
    expect(existsSync(dirname(path))).toBe(false);
    const writer = openStore(path);
    valueOf(writer.append([entryOf()], []));
    const reader = openStore(path, { isReadOnly: true });
    valueOf(writer.append([entryOf()], []));
    expect(valueOf(reader.read({}))).toHaveLength(2);
    expect(faultCode(reader.append([entryOf()], []))).toBe("read_only");
    expect(faultCode(reader.rollUp(0))).toBe("read_only");
  });

  test("another process's transaction is waited for, and the wait ends", () => {
    const path = storePath();
    const store = openStore(path, { busyTimeoutMs: 20 });
    const other = new DatabaseSync(path);
    other.exec("BEGIN IMMEDIATE");
    const refused = store.append([entryOf()], []);
    expect(faultCode(refused)).toBe("locked");
    expect(refused).toMatchObject({ error: { message: expect.stringContaining(path) as string } });
    // Who only reads waits for nobody.
    expect(valueOf(store.read({}))).toEqual([]);
    other.exec("COMMIT");
    other.close();
    expect(valueOf(store.append([entryOf()], []))).toBe(1);
  });

  test("is written through a log, so that its readers never wait", () => {
    const path = storePath();
    openStore(path);
    // The log's mode is in the file's header: bytes 18 and 19 are 2.
    expect([...readFileSync(path).subarray(18, 20)]).toEqual([2, 2]);
  });
});
