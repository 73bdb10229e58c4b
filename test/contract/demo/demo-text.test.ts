import { describe, expect, it } from "vitest";
import { LiveBlock } from "../../../src/faces/demo/display.ts";
import { parseDemoOptions } from "../../../src/faces/demo/options.ts";
import { describeErrors, formatTable } from "../../../src/faces/demo/summary.ts";
import type { ExperimentStatus } from "../../../src/wire/admin-api.ts";

type VariantStatus = ExperimentStatus["variants"][number];

const nothing = {
  success: 0,
  client_error: 0,
  upstream_error: 0,
  proxy_error: 0,
  timeout: 0,
  truncated: 0,
  aborted: 0,
  bad_answer: 0,
};
const idle: VariantStatus = {
  key: "full",
  upstream: "full",
  control: true,
  configured_share: 0.5,
  observed_share: null,
  requests: 0,
  requests_per_second: 0,
  in_flight: 0,
  users: null,
  latency_ms: null,
  metrics: {},
  failures: {},
  copies: null,
  outcomes: nothing,
};
const busy: VariantStatus = {
  ...idle,
  key: "compact",
  observed_share: 0.475,
  requests: 200,
  requests_per_second: 9.96,
  in_flight: 3,
  users: 19,
  latency_ms: { p50: 18.04, p95: 31, p99: 1234.5 },
  outcomes: { ...nothing, success: 190, upstream_error: 8, timeout: 2 },
};

describe("the table", () => {
  it("shows what is known of each variant, in columns", () => {
    expect(formatTable([idle, busy])).toEqual([
      "variant  configured  observed  users  requests  req/s  p50 ms  p95 ms  p99 ms     errors  in flight",
      "full          50.0%         –      –         0    0.0       –       –       –          0          0",
      "compact       50.0%     47.5%     19       200   10.0    18.0    31.0  1234.5  10 (5.0%)          3",
    ]);
  });

  it("shows the rate of the whole run when it is over", () => {
    expect(formatTable([busy], 8000)[1]).toContain("  25.0  ");
  });

  it("names errors by kind, of those who have any", () => {
    expect(describeErrors([idle, busy])).toEqual(["compact: 8 upstream error, 2 timeout"]);
  });
});

const record = (columns: number | null) => {
  const written: string[] = [];
  const io = {
    stdout: (text: string) => void written.push(text),
    stderr: () => undefined,
    terminalColumns: () => columns,
  };
  return { written, block: new LiveBlock(io, 3) };
};

describe("the live block", () => {
  it("is replaced in place on a terminal, and no wider than it", () => {
    const { written, block } = record(6);
    block.update(["123456", "b"]);
    block.update(["c"]);
    block.clear();
    block.clear();
    expect(written).toEqual(["12345\nb\n", "\r\u001b[2A\u001b[0Jc\n", "\r\u001b[1A\u001b[0J"]);
  });

  it("is written now and then elsewhere, without control characters", () => {
    const { written, block } = record(null);
    for (const line of ["1", "2", "3", "4"]) block.update([line]);
    block.clear();
    expect(written).toEqual(["1\n", "4\n"]);
  });
});

const parse = (line: string) => {
  let said = "";
  const io = {
    stdout: (text: string) => (said += text),
    stderr: (text: string) => (said += text),
  };
  return { parsed: parseDemoOptions(line.split(" ").filter(Boolean), io), said: () => said };
};

describe("options", () => {
  const defaults = {
    runMs: null,
    fault: null,
    faultAfterMs: 0,
    rate: 20,
    port: 8080,
    adminPort: 9090,
    canary: true,
    untilVerdict: false,
  };

  it.each([
    ["", {}],
    ["--once", { untilVerdict: true, runMs: 300_000 }],
    ["--split", { canary: false }],
    ["--split --once", { canary: false, runMs: 20_000 }],
    ["--for 9s", { runMs: 9000 }],
    ["--once --for 4s", { untilVerdict: true, runMs: 4000 }],
    ["--fault errors --fault-after 30s", { fault: "errors", faultAfterMs: 30_000 }],
    ["--for 1.5m", { runMs: 90_000 }],
    ["--fault errors", { fault: "errors" }],
    ["--fault slow", { fault: "slow" }],
    ["--fault=hang", { fault: "hang" }],
    ["--rate 1", { rate: 1 }],
    ["--rate 1000", { rate: 1000 }],
    ["--port 0 --admin-port 65535", { port: 0, adminPort: 65_535 }],
  ])("%j", (line, expected) => {
    expect(parse(line).parsed).toEqual({ ok: true, value: { ...defaults, ...expected } });
  });

  it.each([
    "--for 4",
    "--for 0s",
    "--for 25h",
    "--for",
    "--fault none",
    "--rate 0",
    "--rate 1001",
    "--rate 2.5",
    "--rate x",
    "--port 65536",
    "--port -1",
    "--admin-port 1e3",
    "--unknown",
    "extra",
  ])("%j is exit code 2, and says why", (line) => {
    const { parsed, said } = parse(line);
    expect(parsed).toEqual({ ok: false, error: 2 });
    expect(said()).toMatch(/^error: /);
  });

  it("--help is exit code 0", () => {
    const { parsed, said } = parse("--help");
    expect(parsed).toEqual({ ok: false, error: 0 });
    expect(said()).toContain("--fault");
  });
});
