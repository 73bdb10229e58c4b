import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Spool, type SpoolLimits } from "../../../src/data/writes/spool.ts";
import { mirroredWriteSchema, mirrorLimits } from "../../../src/wire/mirrored-write.ts";

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "sluice-spool-"));
});

afterEach(() => {
  chmodSync(directory, 0o700);
  rmSync(directory, { recursive: true, force: true });
});

const write = {
  experiment: "e",
  requestId: "r",
  atMs: 1000,
  primary: { variant: "old", status: 200, says: "success" },
  targets: [{ variant: "new", method: "POST", path: "/documents/text", headers: ["a", "b"] }],
};

function spoolOf(limits: Partial<SpoolLimits> = {}): Spool {
  return new Spool(join(directory, "writes"), 1_700_000_000_000, 0, { ...mirrorLimits, ...limits });
}

function files(): readonly string[] {
  return readdirSync(join(directory, "writes")).toSorted();
}

async function keep(spool: Spool, pieces: readonly string[], atUs = 1) {
  const one = spool.begin();
  for (const piece of pieces) {
    const bytes = Buffer.from(`-${piece}-`);
    one.add(bytes, 1, bytes.length - 1);
  }
  return one.commit(atUs, write);
}

describe("a spooled write", () => {
  it("is a body and a head that says what is to be done with it, once it is committed", async () => {
    const spool = spoolOf();
    const kept = await keep(spool, ["one ", "two"]);
    const name = "name" in kept ? kept.name : "";
    expect(files()).toEqual([`${name}.body`, `${name}.json`]);
    const read = (end: string) => readFileSync(join(directory, "writes", `${name}.${end}`), "utf8");
    expect(read("body")).toBe("one two");
    expect(mirroredWriteSchema.parse(JSON.parse(read("json")))).toEqual({ ...write, bodyBytes: 7 });
    expect(spool.room).toEqual({ writes: 1, bytes: 7 });
    expect(spool.arriving).toEqual({ writes: 0, bytes: 0 });
  });

  it("without a body is one of no bytes", async () => {
    const spool = spoolOf();
    expect(await keep(spool, [])).toHaveProperty("name");
    expect(files().map((name) => name.slice(-5))).toEqual([".body", ".json"]);
  });

  it("sorts by when it was committed, whichever began first", async () => {
    const spool = spoolOf();
    const [first, second] = [spool.begin(), spool.begin()];
    const late = await second.commit(5, write);
    const later = await first.commit(6, write);
    const names = [late, later].map((kept) => ("name" in kept ? kept.name : ""));
    expect(names.toSorted()).toEqual(names);
  });

  it("leaves nothing behind when it is discarded", async () => {
    const spool = spoolOf();
    const one = spool.begin();
    one.add(Buffer.from("abc"), 0, 3);
    expect(spool.arriving).toEqual({ writes: 1, bytes: 3 });
    await one.discard();
    expect(files()).toEqual([]);
    expect(spool.arriving).toEqual({ writes: 0, bytes: 0 });
  });
});

describe("at the limit", () => {
  it.each([
    { what: "bytes of one body", limits: { bodyBytesMax: 4 }, lost: "too_large" },
    { what: "bytes of all bodies", limits: { bytesMax: 4 }, lost: "full" },
    { what: "bytes that wait for the disk", limits: { pendingBytesMax: 4 }, lost: "disk" },
  ] as const)("of $what it is whole, one byte more is lost", async ({ limits, lost }) => {
    expect(await keep(spoolOf(limits), ["1234"])).toHaveProperty("name");
    rmSync(join(directory, "writes"), { recursive: true });
    const spool = spoolOf(limits);
    expect(await keep(spool, ["12345"])).toEqual({ lost });
    expect(files()).toEqual([]);
    expect(spool.room).toEqual({ writes: 0, bytes: 0 });
    expect(spool.arriving).toEqual({ writes: 0, bytes: 0 });
  });

  it("of writes the next one is lost, those that arrive counted; with room again it is kept", async () => {
    const spool = spoolOf({ writesMax: 2 });
    await keep(spool, ["a"]);
    const arriving = spool.begin();
    expect(await keep(spool, ["b"])).toEqual({ lost: "full" });
    await arriving.discard();
    expect(await keep(spool, ["c"])).toHaveProperty("name");
    spool.room = { writes: 0, bytes: 0 };
    expect(await keep(spool, ["d"])).toHaveProperty("name");
  });

  it("a disk that takes nothing loses the write, and says so", async () => {
    writeFileSync(join(directory, "writes"), "a file where the folder should be");
    const spool = spoolOf();
    expect(await keep(spool, ["a"])).toEqual({ lost: "disk" });
    expect(spool.arriving).toEqual({ writes: 0, bytes: 0 });
  });
});
