import { describe, expect, it } from "vitest";
import { err, ok } from "../../../src/base/result.ts";
import type { StageResult } from "../../../src/core/rehearsal/stage.ts";
import { openStateFile, type StateFileIo } from "../../../src/faces/rehearsal/state-file.ts";

const passed: StageResult = {
  stage: "load_control",
  status: "passed",
  reason: "fine",
  startedAt: "2026-01-01T00:00:00.000Z",
  endedAt: "2026-01-01T00:00:01.000Z",
  isReused: false,
  details: { load: 1 },
};

function memory(text: string | null = null) {
  const file = { text };
  const io: StateFileIo = {
    read: () => ok(file.text),
    write(next) {
      file.text = next;
      return ok(null);
    },
    remove() {
      file.text = null;
    },
  };
  return { file, io };
}

function open(io: StateFileIo, isFresh = false) {
  const opened = openStateFile(io, isFresh);
  if (!opened.ok) throw new Error(opened.error);
  return opened.value;
}

describe("the state of an unfinished rehearsal", () => {
  it("gives back what passed with the same inputs, and nothing else", () => {
    const { io } = memory();
    open(io).keep("inputs", passed);
    const state = open(io);
    expect(state.find("load_control", "inputs")).toEqual(passed);
    expect(state.find("load_control", "others")).toBeNull();
    expect(state.find("canary", "inputs")).toBeNull();
  });

  it("keeps nothing that did not pass, and forgets on demand", () => {
    const { io } = memory();
    open(io).keep("inputs", { ...passed, status: "failed" });
    expect(open(io).find("load_control", "inputs")).toBeNull();
    open(io).keep("inputs", passed);
    expect(open(io, true).find("load_control", "inputs")).toBeNull();
    expect(open(io).find("load_control", "inputs")).toBeNull();
  });

  it("is gone when the rehearsal is over", () => {
    const { file, io } = memory();
    const state = open(io);
    state.keep("inputs", passed);
    state.clear();
    expect(file.text).toBeNull();
  });

  it.each([
    ["no JSON", "it is no JSON"],
    ['{"version":2,"stages":[]}', "it is no state of a rehearsal"],
    ['{"version":1,"stages":[{"fingerprint":"x","result":{"stage":"lunch"}}]}', "it is no state"],
  ])("a file with %j is left alone", (text, message) => {
    const { file, io } = memory(text);
    const opened = openStateFile(io, true);
    expect(opened.ok ? null : opened.error).toContain(message);
    expect(file.text).toBe(text);
  });

  it("that cannot be written is told before anything is done", () => {
    const { io } = memory();
    const opened = openStateFile({ ...io, write: () => err("cannot be written: full") }, false);
    expect(opened).toEqual({ ok: false, error: "cannot be written: full" });
  });

  it("has fingerprints that differ with their inputs, and do not show them", () => {
    const { io } = memory();
    const state = open(io);
    expect(state.fingerprint("secret")).not.toContain("secret");
    expect(state.fingerprint("secret")).toBe(state.fingerprint("secret"));
    expect(state.fingerprint("secret")).not.toBe(state.fingerprint("secret2"));
  });
});
