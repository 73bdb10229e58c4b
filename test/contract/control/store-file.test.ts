import { existsSync, readFileSync, renameSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, test } from "vitest";
import { openSqliteStore } from "../../../src/control/store/sqlite-store.ts";
import { entryOf, faultCode, openStore, storePath, valueOf } from "../../support/store.ts";

/** What is so only because the store is a file; the rest is in `store.test.ts`. */

describe("a file", () => {
  test("is made with its folder", () => {
    const path = storePath();
    expect(existsSync(dirname(path))).toBe(false);
    openStore(path);
    expect(existsSync(path)).toBe(true);
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
