import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { inTransaction, migrate, migrations } from "../../../src/control/store/migrations.ts";
import { openSqliteStore } from "../../../src/control/store/sqlite-store.ts";
import { entryOf, faultCode, openStore, stateOf, storePath, valueOf } from "../../support/store.ts";

const pageBytes = 4096;

/** A closed store of some fifty pages. */
function writtenStore(): string {
  const path = storePath();
  const store = openStore(path);
  for (let at = 0; at < 40; at += 1) {
    valueOf(
      store.append(
        [entryOf({ subject: `s${at}`, facts: "x".repeat(3000) })],
        [stateOf({ subject: `s${at}` })],
      ),
    );
  }
  store.close();
  expect(existsSync(`${path}-wal`)).toBe(false);
  return path;
}

function overwrite(path: string, at: number, bytes: Uint8Array): void {
  const file = readFileSync(path);
  file.set(bytes.subarray(0, Math.max(0, file.length - at)), at);
  writeFileSync(path, file);
}

describe("a damaged file", () => {
  const noise = Uint8Array.from({ length: pageBytes }, (_, at) => (at * 197 + 41) % 251);

  test.each([
    [
      "text instead of a database",
      (path: string) => writeFileSync(path, "not a database".repeat(99)),
    ],
    ["noise over its first page", (path: string) => overwrite(path, 0, noise)],
    ["noise over a page of its journal", (path: string) => overwrite(path, 9 * pageBytes, noise)],
    [
      "zeros over a page",
      (path: string) =>
        overwrite(
          path,
          9 * pageBytes,
          noise.map(() => 0),
        ),
    ],
    ["cut in half", (path: string) => truncateSync(path, 20 * pageBytes)],
  ])("with %s is refused and stays as it is", (_, damage) => {
    const path = writtenStore();
    damage(path);
    const bytes = readFileSync(path);
    const refused = openSqliteStore(path);
    expect(faultCode(refused)).toBe("corrupt");
    expect(refused).toMatchObject({ error: { message: expect.stringContaining(path) as string } });
    expect(readdirSync(dirname(path))).toEqual(["sluice.db"]);
    expect(faultCode(openSqliteStore(path, { isReadOnly: true, recoverAtMs: 1 }))).toBe("corrupt");
    expect(readFileSync(path).equals(bytes)).toBe(true);
  });

  test("is moved aside when told so, and a new store begins", () => {
    const path = writtenStore();
    overwrite(path, 9 * pageBytes, noise);
    const bytes = readFileSync(path);
    const store = openStore(path, { recoverAtMs: 1_700_000_000_123 });
    const aside = `${path}.corrupt-1700000000123`;
    expect(store.recoveredFrom).toBe(aside);
    expect(readFileSync(aside).equals(bytes)).toBe(true);
    expect(valueOf(store.read({}))).toEqual([]);
    expect(valueOf(store.append([entryOf()], []))).toBe(1);
    store.close();
    expect(openStore(path, { recoverAtMs: 5 }).recoveredFrom).toBeNull();
  });

  test("is not moved over one that is there already", () => {
    const path = writtenStore();
    overwrite(path, 0, noise);
    writeFileSync(`${path}.corrupt-7`, "the only copy");
    expect(faultCode(openSqliteStore(path, { recoverAtMs: 7 }))).toBe("io");
    expect(readFileSync(`${path}.corrupt-7`, "utf8")).toBe("the only copy");
    expect(existsSync(path)).toBe(true);
  });

  test("is a fault where the header names a format that there is not", () => {
    const path = writtenStore();
    // SQLite's schema format number: bytes 44 to 47 of the header.
    overwrite(path, 44, Uint8Array.from([0, 0, 0, 5]));
    expect(faultCode(openSqliteStore(path))).toBe("corrupt");
  });

  test("is a fault wherever it is, or leaves every entry and state in its place", () => {
    const path = writtenStore();
    const intact = readFileSync(path);
    const store = openStore(path);
    const [entries, states] = [valueOf(store.read({})), valueOf(store.states("rollout"))];
    store.close();
    let refused = 0;
    fc.assert(
      fc.property(
        fc.nat(intact.length - 1),
        fc.uint8Array({ minLength: 400, maxLength: pageBytes }),
        (at, bytes) => {
          writeFileSync(path, intact);
          overwrite(path, at, bytes);
          const opened = openSqliteStore(path);
          if (!opened.ok) {
            refused += 1;
            return;
          }
          // Damage within a text cannot be told from another text.
          const read = opened.value.read({});
          const known = opened.value.states("rollout");
          if (read.ok) expect(read.value).toHaveLength(entries.length);
          if (known.ok) expect(known.value).toHaveLength(states.length);
          opened.value.append([entryOf()], []);
          opened.value.close();
        },
      ),
      { numRuns: 100 },
    );
    expect(refused).toBeGreaterThan(10);
  });

  test("that is found damaged only later gives a fault, and the rest is still read", () => {
    const path = storePath();
    const store = openStore(path);
    valueOf(store.append([entryOf()], [stateOf()]));
    const other = new DatabaseSync(path);
    other.exec("UPDATE state SET state = '{'");
    other.close();
    expect(faultCode(store.states("rollout"))).toBe("corrupt");
    expect(valueOf(store.read({}))).toHaveLength(1);
  });
});

describe("a file that is not this Sluice's", () => {
  test.each([
    ["of a newer Sluice", "newer", "PRAGMA user_version = 99"],
    ["of another program", "unreadable", "PRAGMA application_id = 1"],
  ])("%s is refused, whatever is asked, and stays as it is", (_, code, sql) => {
    const path = writtenStore();
    const database = new DatabaseSync(path);
    database.exec(sql);
    database.close();
    const bytes = readFileSync(path);
    expect(faultCode(openSqliteStore(path, { recoverAtMs: 1 }))).toBe(code);
    expect(readFileSync(path).equals(bytes)).toBe(true);
  });

  test("another program's without an identification as well", () => {
    const path = storePath();
    mkdirSync(dirname(path));
    const database = new DatabaseSync(path);
    database.exec("CREATE TABLE theirs (a INTEGER)");
    database.close();
    expect(faultCode(openSqliteStore(path))).toBe("unreadable");
  });

  test("a folder, and a path through a file, cannot be opened", () => {
    const path = writtenStore();
    expect(faultCode(openSqliteStore(dirname(path)))).toBe("unreadable");
    expect(faultCode(openSqliteStore(`${path}/deeper/sluice.db`))).toBe("unreadable");
  });
});

describe("an older Sluice's file", () => {
  function versionOne(): string {
    const path = storePath();
    mkdirSync(dirname(path));
    const database = new DatabaseSync(path);
    migrate(database, migrations.slice(0, 1));
    inTransaction(database, () => {
      database.exec(`
        INSERT INTO journal VALUES (7, 1, 'ada', 'rollout', 'models', 'started', '{"share":0.05}');
        INSERT INTO state VALUES ('rollout', 'models', '{"kind":"holding"}', 7);
      `);
    });
    database.close();
    return path;
  }

  test("is brought up to date with all that it holds", () => {
    const path = versionOne();
    const store = openStore(path);
    expect(valueOf(store.read({}))).toMatchObject([{ sequence: 7, facts: { share: 0.05 } }]);
    expect(valueOf(store.states("rollout"))).toMatchObject([{ state: { kind: "holding" } }]);
    expect(valueOf(store.append([entryOf()], []))).toBe(8);
    expect(valueOf(store.rollUp(0))).toMatchObject({ rows: 0 });
  });

  test("is not migrated by who only looks", () => {
    const path = versionOne();
    const bytes = readFileSync(path);
    expect(faultCode(openSqliteStore(path, { isReadOnly: true }))).toBe("unreadable");
    expect(readFileSync(path).equals(bytes)).toBe(true);
  });

  test("stays as it is when a migration fails in the middle", () => {
    const path = versionOne();
    const database = new DatabaseSync(path);
    const schema = () => [
      database.prepare("PRAGMA user_version").get(),
      database.prepare("SELECT * FROM sqlite_schema").all(),
    ];
    const before = schema();
    const steps = [...migrations, "CREATE TABLE more (a INTEGER); INSERT INTO nowhere VALUES (1)"];
    expect(() => migrate(database, steps)).toThrow("no such table: nowhere");
    expect(schema()).toEqual(before);
    migrate(database);
    expect(schema()).not.toEqual(before);
    database.close();
  });
});
