import { describe, expect, it } from "vitest";
import { compileHandle, Handles } from "../../../src/data/handles.ts";
import { Capture } from "../../../src/data/observation/capture.ts";
import { SeenInputs, seenInputsMax } from "../../../src/data/observation/seen-inputs.ts";
import { RecentRequests, recentRequestsMax } from "../../../src/data/recent-requests.ts";
import { createRecorder } from "../../../src/core/telemetry/recorder.ts";
import { handlesMax } from "../../../src/wire/messages.ts";

describe("handles", () => {
  const issued = (handle: string, variant = "old") => ({ experiment: "e", handle, variant });

  it("are known once noted, the newest word counts, and each experiment has its own", () => {
    const handles = new Handles();
    expect(handles.note(issued("t1"))).toBe(true);
    expect(handles.note(issued("t1"))).toBe(false);
    expect(handles.note(issued("t1", "new"))).toBe(true);
    expect(handles.find("e", "t1")).toBe("new");
    expect(handles.find("other", "t1")).toBeNull();
  });

  it(`are kept up to ${handlesMax}: the oldest go first`, () => {
    const handles = new Handles();
    for (let at = 0; at <= handlesMax; at += 1) handles.note(issued(`t${at}`));
    expect(handles.size).toBe(handlesMax);
    expect(handles.find("e", "t0")).toBeNull();
    expect(handles.find("e", "t1")).toBe("old");
  });

  it.each([
    [256, true],
    [257, false],
  ])("of %i characters: %s", (length, isKept) => {
    expect(new Handles().note(issued("x".repeat(length)))).toBe(isKept);
  });

  it.each([
    ["segment", "/a/:id/b", "/a/t%201/b?x=1", "t 1"],
    ["segment", "/a/:id", "/a/", null],
    ["segment", "/a/:id", "/a/%zz", "%zz"],
    ["query", "/a", "/a?id=t+1", "t 1"],
    ["query", "/a", "/a?x=1", null],
    ["query", "/a", "/a", null],
  ] as const)("in a %s of %s: %s", (where, pattern, target, handle) => {
    expect(compileHandle({ in: where, name: "id" }, pattern)(target)).toBe(handle);
  });
});

describe("recent requests", () => {
  it(`are kept up to ${recentRequestsMax}: the oldest go first`, () => {
    const recorder = createRecorder();
    const key = { upstream: null, route: "/", epoch: 0, randomised: false, shadow: false };
    const series = recorder.series({ experiment: "e", variant: "v", ...key });
    const requests = new RecentRequests(recorder);
    const metrics = new Set(["rating"]);
    for (let at = 0; at <= recentRequestsMax; at += 1) {
      requests.add(`r${at}`, { series, cluster: -1, metrics });
    }
    expect(requests.size).toBe(recentRequestsMax);
    const report = (requestId: string) => ({ requestId, name: "rating", value: 1 });
    expect(requests.take([report("r0"), report("r1")])).toEqual([1]);
  });
});

describe("inputs that were seen", () => {
  it(`are kept up to ${seenInputsMax}: those not repeated for longest go first`, () => {
    const seen = new SeenInputs();
    for (let hash = 0; hash < seenInputsMax; hash += 1) expect(seen.note(hash)).toBe(false);
    expect(seen.note(0)).toBe(true);
    expect(seen.note(seenInputsMax)).toBe(false);
    expect(seen.size).toBe(seenInputsMax);
    expect(seen.note(0)).toBe(true);
    expect(seen.note(1)).toBe(false);
  });
});

describe("a captured body", () => {
  it.each([
    [10, "0123456789"],
    [9, undefined],
  ])("of ten bytes where %i are kept: %s", (bytesMax, kept) => {
    const capture = new Capture(bytesMax);
    const bytes = Buffer.from("..0123456789..");
    capture.add(bytes, 2, 7);
    capture.add(bytes, 7, 12);
    bytes.fill(0);
    expect(capture.body?.toString()).toBe(kept);
  });
});
