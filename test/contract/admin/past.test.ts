import { afterEach, describe, expect, it } from "vitest";
import { err } from "../../../src/base/result.ts";
import type { PastRange } from "../../../src/control/past/fault.ts";
import { ask, openAdmin } from "./admin-port.ts";
import type { AdminPort } from "./admin-port.ts";

let admin: AdminPort | null = null;
afterEach(async () => {
  await admin?.close();
  admin = null;
});

const asked: (Partial<PastRange> | object)[] = [];

async function open(fault: "unknown_experiment" | "busy" | "range_too_wide"): Promise<number> {
  asked.length = 0;
  const answer = (_experiment: string, range: object) => {
    asked.push(range);
    return Promise.resolve(err({ code: fault, message: "why" } as const));
  };
  const journal = (query: object) => {
    asked.push(query);
    return { entries: [], before: null };
  };
  const past = { history: answer, breakdown: answer, verdicts: answer, journal };
  admin = await openAdmin({ sources: { past } });
  admin.clock.nowMs = Date.parse("2026-11-28T12:00:00Z");
  return admin.port;
}

const paths = [
  "/v1/experiments/e/history",
  "/v1/experiments/e/breakdown",
  "/v1/rollouts/e/verdicts",
] as const;

describe("questions about the past", () => {
  it.each([
    ["from=2026-11-28T13:00:00Z", "from: it has to be before now"],
    ["from=2026-11-28T11:00:00Z&to=2026-11-28T11:00:00Z", "from: it has to be before `to`"],
    ["from=yesterday", "from: "],
    ["points=9", "points: "],
    ["points=2001", "points: "],
    ["points=x", "points: "],
    ["points=10&points=20", "points: given more than once"],
    ["form=x", "form"],
  ])("?%s is 400 and says which parameter and why", async (query, words) => {
    const port = await open("busy");
    for (const path of paths) {
      const { status, text } = await ask(port, `${path}?${query}`);
      expect([status, JSON.parse(text).code]).toEqual([400, "bad_query"]);
      expect(JSON.parse(text).detail).toContain(words);
    }
    expect(asked).toEqual([]);
  });

  it("are about the last hour unless told otherwise", async () => {
    const port = await open("busy");
    const nowMs = Date.parse("2026-11-28T12:00:00Z");
    await ask(port, paths[0]);
    await ask(port, `${paths[0]}?from=2026-11-28T09:00:00%2B02:00&points=10`);
    await ask(port, `${paths[0]}?to=2026-11-28T08:00:00.5Z&points=2000`);
    expect(asked).toEqual([
      { fromMs: nowMs - 3_600_000, toMs: nowMs, points: 300 },
      { fromMs: nowMs - 5 * 3_600_000, toMs: nowMs, points: 10 },
      { fromMs: nowMs - 5 * 3_600_000 + 500, toMs: nowMs - 4 * 3_600_000 + 500, points: 2000 },
    ]);
  });

  it.each([
    ["unknown_experiment", 404, undefined],
    ["range_too_wide", 400, undefined],
    ["busy", 503, "1"],
  ] as const)("that fail with %s are answered %d", async (code, status, wait) => {
    const port = await open(code);
    for (const path of paths) {
      const answer = await ask(port, path);
      expect([answer.status, JSON.parse(answer.text).code]).toEqual([status, code]);
      expect(answer.headers["retry-after"]).toBe(wait);
      expect(answer.headers["content-type"]).toBe("application/problem+json");
    }
  });

  it("the journal is asked by page", async () => {
    const port = await open("busy");
    expect((await ask(port, "/v1/journal?experiment=e&scope=alert&before=7&limit=2")).status).toBe(
      200,
    );
    await ask(port, "/v1/journal");
    expect(asked).toEqual([
      { experiment: "e", scope: "alert", before: 7, limit: 2 },
      { limit: 100 },
    ]);
    for (const query of ["limit=0", "limit=1001", "before=0", "what=x"]) {
      expect((await ask(port, `/v1/journal?${query}`)).status).toBe(400);
    }
  });
});
