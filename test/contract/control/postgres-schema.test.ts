import pg from "pg";
import { describe, expect, onTestFinished, test } from "vitest";
import { placeOf } from "../../../src/core/config/database-place.ts";
import { faultOf } from "../../../src/control/store/postgres/fault.ts";
import {
  lockClass,
  locks,
  schemaSteps,
  type SchemaStep,
} from "../../../src/control/store/postgres/schema.ts";
import { ownerPassword } from "../../support/postgres.ts";
import { entryOf, faultCode, stateOf, valueOf } from "../../support/store.ts";
import { openShared, usePostgres } from "../../support/store-kinds.ts";

const postgres = usePostgres();
const newUrl = async () => (await postgres?.server().createDatabase()) ?? "";

/** What a coming Sluice might add. */
const gentle: SchemaStep = {
  compatibleFrom: 1,
  sql: "ALTER TABLE state ADD COLUMN note text NOT NULL DEFAULT ''",
};

describe.skipIf(postgres === null)("versions of the schema", () => {
  test("an older and a newer Sluice write the same store at the same time", async () => {
    const url = await newUrl();
    const old = openShared(url);
    valueOf(old.append([entryOf()], [stateOf({ state: 1 })]));
    const next = openShared(url, { steps: [...schemaSteps, gentle] });
    valueOf(next.append([entryOf()], [stateOf({ state: 2, expected: 1 })]));
    valueOf(old.append([entryOf()], [stateOf({ state: 3, expected: 2 })]));
    // One that is started after the newer one goes on as well.
    const late = openShared(url);
    valueOf(late.append([entryOf()], [stateOf({ state: 4, expected: 3 })]));
    const noted = "SELECT note, version::integer FROM sluice.state";
    expect(await postgres?.server().query(url, noted)).toEqual([{ note: "", version: 4 }]);
    const versions = "SELECT version, compatible_from FROM sluice.schema_version";
    expect(await postgres?.server().query(url, versions)).toEqual([
      { version: schemaSteps.length + 1, compatible_from: 1 },
    ]);
  });

  test("an older Sluice stops when it cannot live with the newer one's", async () => {
    const url = await newUrl();
    const old = openShared(url);
    valueOf(old.append([entryOf()], []));
    const version = schemaSteps.length + 1;
    const next = openShared(url, {
      steps: [...schemaSteps, { ...gentle, compatibleFrom: version }],
    });
    valueOf(next.append([entryOf()], []));
    await expect.poll(() => faultCode(old.append([entryOf()], []))).toBe("newer");
    expect(openShared(url).read({})).toMatchObject({
      error: { code: "newer", message: expect.stringContaining(`needs ${version}`) as string },
    });
    valueOf(next.append([entryOf()], []));
  });

  test("stay as they are when a migration fails in the middle", async () => {
    const url = await newUrl();
    const store = openShared(url);
    const broken = { ...gentle, sql: `${gentle.sql}; INSERT INTO nowhere VALUES (1)` };
    const refused = openShared(url, { steps: [...schemaSteps, broken] }).read({});
    expect(faultCode(refused)).toBe("unreadable");
    expect(refused).toMatchObject({
      error: { message: expect.stringContaining("nowhere") as string },
    });
    valueOf(store.append([entryOf()], [stateOf()]));
    const found =
      "SELECT 1 FROM pg_attribute WHERE attname = 'note' AND attrelid = 'sluice.state'::regclass";
    expect(await postgres?.server().query(url, found)).toEqual([]);
  });

  test("are not made by who only looks on, who writes nothing", async () => {
    const url = await newUrl();
    expect(faultCode(openShared(url, { isReadOnly: true }).read({}))).toBe("unreadable");
    expect(
      await postgres?.server().query(url, "SELECT 1 FROM pg_namespace WHERE nspname = 'sluice'"),
    ).toEqual([]);
    valueOf(openShared(url).append([entryOf()], []));
    const reader = openShared(url, { isReadOnly: true });
    expect(valueOf(reader.read({}))).toHaveLength(1);
    expect(faultCode(reader.append([entryOf()], []))).toBe("read_only");
  });

  test("the journal can neither be changed nor shortened, not even by other programs", async () => {
    const url = await newUrl();
    valueOf(openShared(url).append([entryOf()], []));
    for (const sql of ["DELETE FROM", "UPDATE", "TRUNCATE"]) {
      const rest = sql === "UPDATE" ? " SET actor = 'eve'" : "";
      await expect(postgres?.server().query(url, `${sql} sluice.journal${rest}`)).rejects.toThrow(
        "the journal is append-only",
      );
    }
  });
});

describe.skipIf(postgres === null)("a database that cannot be used", () => {
  const prepare = async (sql: string) => {
    const url = await newUrl();
    await postgres?.server().query(url, sql);
    return url;
  };
  const as = (url: string, role: string, password: string) => {
    const changed = new URL(url);
    changed.username = role;
    changed.password = password;
    return changed.href;
  };

  test.each<[string, string, (url: string) => string, string]>([
    ["with a wrong password", "", (url) => as(url, "owner", "wr0ng-word"), "unreadable"],
    ["that is not there", "", (url) => `${url}_nowhere`, "unreadable"],
    [
      "by a role that may not",
      "CREATE ROLE guest LOGIN PASSWORD 'guest-word'",
      (url) => as(url, "guest", "guest-word"),
      "read_only",
    ],
    [
      "whose schema is another program's",
      "CREATE SCHEMA sluice; CREATE TABLE sluice.theirs (a int)",
      (url) => url,
      "unreadable",
    ],
  ])("%s says why, and no password", async (_, sql, change, code) => {
    const url = change(await prepare(sql));
    const refused = openShared(url).append([entryOf()], []);
    expect(faultCode(refused)).toBe(code);
    const text = JSON.stringify(refused);
    expect(text).toContain(placeOf(url).name);
    for (const secret of [ownerPassword, "wr0ng-word", "guest-word"]) {
      expect(text).not.toContain(secret);
    }
  });

  test("because others hold a lock is not given up", async () => {
    const url = await newUrl();
    const store = openShared(url, { deadlineMs: 1000 });
    const holder = postgres
      ?.server()
      .query(url, "BEGIN; LOCK TABLE sluice.journal; SELECT pg_sleep(1.5); COMMIT");
    await expect
      .poll(() => faultCode(store.append([entryOf()], [])), { interval: 10 })
      .toBe("locked");
    expect(store.isUp()).toBe(true);
    await holder;
    valueOf(store.append([entryOf()], []));
  });

  test("because others hold the lock of appends is asked on the same session", async () => {
    const url = await newUrl();
    const store = openShared(url, { deadlineMs: 2000 });
    const holder = new pg.Client({ connectionString: url });
    await holder.connect();
    onTestFinished(() => holder.end());
    await holder.query(`SELECT pg_advisory_lock(${lockClass}, ${locks.append})`);
    expect(faultCode(store.append([entryOf()], [stateOf()]))).toBe("locked");
    expect(valueOf(store.states("rollout"))).toEqual([]);
    await holder.query("SELECT pg_advisory_unlock_all()");
    expect(valueOf(store.append([entryOf()], [stateOf()]))).toBe(1);
    expect(valueOf(store.states("rollout"))).toHaveLength(1);
  });

  test("because it refuses what was asked says so, and goes on", async () => {
    const url = await newUrl();
    const store = openShared(url);
    const refuse = "ADD CONSTRAINT no_eve CHECK (actor <> 'eve')";
    await postgres?.server().query(url, `ALTER TABLE sluice.journal ${refuse}`);
    expect(store.append([entryOf({ actor: "eve" })], [])).toMatchObject({
      error: { code: "io", message: expect.stringContaining("SQLSTATE 23514") as string },
    });
    expect(store.isUp()).toBe(true);
    valueOf(store.append([entryOf()], []));
    expect(valueOf(store.read({}))).toHaveLength(1);
  });

  test("is found out before anybody asks, whatever is wrong with it", async () => {
    const url = await newUrl();
    const store = openShared(url);
    const rename = (from: string, to: string) =>
      postgres?.server().query(url, `ALTER TABLE sluice.${from} RENAME TO ${to}`);
    await rename("schema_version", "other");
    await expect.poll(() => store.isUp()).toBe(false);
    expect(faultCode(store.read({}))).toBe("unreadable");
    await rename("other", "schema_version");
    await expect.poll(() => store.isUp()).toBe(true);
    valueOf(store.append([entryOf()], []));
  });
});

describe("what went wrong at the server", () => {
  const place = placeOf("postgres://u:p%40ss@h/d");

  test.each([
    ["53100", "full"],
    ["53300", "unreachable"],
    ["57P01", "unreachable"],
    ["57014", "unreachable"],
    ["25006", "read_only"],
    ["42501", "read_only"],
    ["28P01", "unreadable"],
    ["3D000", "unreadable"],
    ["42P01", "unreadable"],
    ["55P03", "locked"],
    ["40P01", "locked"],
    ["58030", "io"],
    ["XX001", "corrupt"],
    ["25P02", "unreachable"],
    ["25001", "unreachable"],
  ])("%s is %s", (state, code) => {
    const error = Object.assign(new Error("says p@ss"), { code: state, severity: "ERROR" });
    const fault = faultOf(place, error);
    expect(fault?.code).toBe(code);
    expect(fault?.message ?? "").not.toContain("p@ss");
  });

  test.each(["0A000", "22021", "23505", "40003", "54000", "55000", "P0001", "XX000"])(
    "%s, which Sluice knows nothing of, is named",
    (state) => {
      const error = Object.assign(new Error("says p@ss"), { code: state, severity: "ERROR" });
      const fault = faultOf(place, error);
      expect(fault?.code).toBe("io");
      expect(fault?.message).toContain(`SQLSTATE ${state} (says ***)`);
    },
  );

  test.each(["ECONNREFUSED", "ECONNRESET", "ENOTFOUND", "ETIMEDOUT"])(
    "%s is unreachable",
    (code) => {
      expect(faultOf(place, Object.assign(new Error(code), { code }))?.code).toBe("unreachable");
      expect(faultOf(place, new TypeError("a bug"))).toBeNull();
    },
  );
});
