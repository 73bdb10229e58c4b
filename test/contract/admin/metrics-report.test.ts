import { afterEach, describe, expect, it } from "vitest";
import type { AdminSources } from "../../../src/faces/admin/sources.ts";
import { reportedMetricsMax } from "../../../src/wire/metrics-api.ts";
import { openAdmin, type AdminPort } from "./admin-port.ts";

const open: AdminPort[] = [];
afterEach(async () => {
  for (const admin of open.splice(0)) await admin.close();
});

type Reported = Parameters<AdminSources["reportMetrics"]>[0];

async function report(body: unknown, taken: readonly number[] = []) {
  const reported: Reported[number][] = [];
  const admin = await openAdmin({
    sources: {
      reportMetrics: (metrics) => {
        reported.push(...metrics);
        return Promise.resolve(new Set(taken));
      },
    },
  });
  open.push(admin);
  const response = await fetch(`http://127.0.0.1:${admin.port}/v1/metrics`, {
    method: "POST",
    body: JSON.stringify(body),
  });
  return { status: response.status, answer: await response.json(), reported };
}

function metric(value: unknown = 1, name = "rating") {
  return { request_id: "r-1", name, value };
}

describe("POST /v1/metrics", () => {
  it("says how many were counted, and which were not", async () => {
    const { status, answer, reported } = await report({ metrics: [metric(), metric(2)] }, [1]);
    expect(status).toBe(200);
    expect(answer).toEqual({ accepted: 1, unknown: [0] });
    expect(reported[1]).toEqual({ requestId: "r-1", name: "rating", value: 2 });
  });

  it.each([
    ["no metrics", { metrics: [] }],
    ["no list", {}],
    ["no number", { metrics: [metric("4")] }],
    ["no name", { metrics: [metric(1, "No Name")] }],
    ["no id", { metrics: [{ ...metric(), request_id: "" }] }],
    ["another field", { metrics: [{ ...metric(), user: "ann" }] }],
    ["more than fit", { metrics: Array.from({ length: reportedMetricsMax + 1 }, () => metric()) }],
  ])("%s is refused, and nothing is counted", async (_, body) => {
    const { status, answer, reported } = await report(body);
    expect(status).toBe(400);
    expect(answer).toMatchObject({ code: "bad_metrics" });
    expect(reported).toEqual([]);
  });

  it(`takes ${reportedMetricsMax} at once`, async () => {
    const metrics = Array.from({ length: reportedMetricsMax }, () => metric());
    const { status, reported } = await report({ metrics });
    expect([status, reported.length]).toEqual([200, reportedMetricsMax]);
  });
});
