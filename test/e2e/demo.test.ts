import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { configAnswerSchema, statusSchema } from "../../src/wire/admin-api.ts";

const script = fileURLToPath(new URL("../../src/main/start.ts", import.meta.url));
const running: ChildProcess[] = [];

afterEach(async () => {
  for (const child of running.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill("SIGKILL");
    await once(child, "exit");
  }
});

type Demo = {
  readonly child: ChildProcess;
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Resolves when stdout holds `text`. */
  readonly shows: (text: string) => Promise<void>;
  readonly exit: Promise<number | null>;
};

function start(line: string): Demo {
  const child = spawn(process.execPath, [script, ...line.split(" ")], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  running.push(child);
  const written = { stdout: "", stderr: "" };
  const watchers = new Set<() => void>();
  for (const name of ["stdout", "stderr"] as const) {
    child[name]?.setEncoding("utf8").on("data", (chunk: string) => {
      written[name] += chunk;
      for (const watch of watchers) watch();
    });
  }
  const exit = once(child, "close").then(([code]) => code as number | null);
  const shows = (text: string) =>
    Promise.race([
      new Promise<void>((resolve) => {
        const watch = () => {
          if (written.stdout.includes(text)) resolve();
        };
        watchers.add(watch);
        watch();
      }),
      exit.then((code) => {
        const { stdout, stderr } = written;
        if (!stdout.includes(text)) throw new Error(`exit ${code}: ${stdout}\n${stderr}`);
      }),
    ]);
  return { child, stdout: () => written.stdout, stderr: () => written.stderr, shows, exit };
}

type Row = {
  readonly configured: string;
  readonly observed: string;
  readonly users: number;
  readonly requests: number;
  readonly p50: number;
  readonly p99: number;
  readonly errors: number;
  readonly inFlight: number;
};
type Summary = {
  readonly asked: number;
  readonly answered: number;
  readonly failed: number;
  readonly unanswered: number;
  readonly full: Row;
  readonly compact: Row;
};

/** Reads the summary as a person would: by its words. */
function readSummary(stdout: string): Summary {
  const text = stdout.slice(stdout.indexOf("Summary of"));
  const head =
    /(\d+) asked, (\d+) answered, (\d+) failed, (\d+) without an answer/.exec(text)?.slice(1) ?? [];
  const [asked, answered, failed, unanswered] = head.map(Number) as [
    number,
    number,
    number,
    number,
  ];
  return {
    asked,
    answered,
    failed,
    unanswered,
    full: readRow(text, "full"),
    compact: readRow(text, "compact"),
  };
}

function readRow(text: string, name: string): Row {
  const line = text.split("\n").find((one) => one.startsWith(`${name} `)) ?? "";
  const cells = line.trim().split(/ {2,}/);
  const number = (at: number) => Number.parseFloat(cells[at] ?? "");
  return {
    configured: cells[1] ?? "",
    observed: cells[2] ?? "",
    users: number(3),
    requests: number(4),
    p50: number(6),
    p99: number(8),
    errors: number(9),
    inFlight: number(10),
  };
}

/** What holds whatever the services do. */
function expectHonest(summary: Summary, text: string): void {
  const { asked, answered, failed, unanswered, full, compact } = summary;
  expect(asked).toBeGreaterThan(20);
  expect(answered + failed + unanswered).toBe(asked);
  expect(full.requests + compact.requests + full.inFlight + compact.inFlight).toBe(asked);
  expect(full.inFlight + compact.inFlight).toBe(unanswered);
  expect(full.errors + compact.errors).toBe(failed);
  expect(text).toContain(`total: ${asked} asked = ${full.requests} full + `);
  for (const { configured, requests, inFlight } of [full, compact]) {
    expect(configured).toBe("50.0%");
    expect(requests + inFlight).toBeGreaterThan(0);
  }
}

const free = "--port 0 --admin-port 0";

async function runOnce(more: string): Promise<{ demo: Demo; summary: Summary }> {
  const demo = start(`--split --once --for 4s ${free} ${more}`.trim());
  expect(await demo.exit).toBe(0);
  expect(demo.stderr()).toBe("");
  return { demo, summary: readSummary(demo.stdout()) };
}

describe("npm start -- --split --once --for 4s", () => {
  it("sends real questions to both models and ends with a summary that adds up", async () => {
    const { demo, summary } = await runOnce("");
    expectHonest(summary, demo.stdout());
    expect(summary).toMatchObject({ failed: 0, unanswered: 0 });
    const { full, compact } = summary;
    expect(full.users + compact.users).toBeLessThanOrEqual(40);
    expect(Math.min(full.users, compact.users)).toBeGreaterThan(5);
    expect(full.p50).toBeGreaterThan(1);
    expect(full.p99).toBeGreaterThanOrEqual(full.p50);
    const total = Number.parseFloat(full.observed) + Number.parseFloat(compact.observed);
    expect(total).toBeCloseTo(100, 0);
    expect(demo.stdout()).toMatch(/\/v1\/status .*\/metrics .*\/readyz/);
    expect(demo.stdout()).not.toContain("\u001b");
  });

  it("--fault errors: some of compact's answers fail", async () => {
    const { demo, summary } = await runOnce("--rate 40 --fault errors");
    expectHonest(summary, demo.stdout());
    // A machine that is too busy for the models' time-outs may fail some of full's, too.
    expect(summary.full.errors).toBeLessThan(summary.compact.errors);
    expect(summary.compact.errors).toBeLessThan(summary.compact.requests);
    expect(demo.stdout()).toMatch(/errors of compact: \d+ upstream error\n/);
  });

  it("--fault slow: compact takes 300 ms longer", async () => {
    const { demo, summary } = await runOnce("--fault slow");
    expectHonest(summary, demo.stdout());
    expect(summary.failed).toBe(0);
    expect(summary.compact.p50).toBeGreaterThanOrEqual(300);
    expect(summary.full.p50).toBeLessThan(summary.compact.p50);
  });

  it("--fault hang: compact's requests are in flight, and it ends all the same", async () => {
    const { demo, summary } = await runOnce("--fault hang");
    expectHonest(summary, demo.stdout());
    expect(summary.compact.inFlight).toBeGreaterThan(5);
    expect(summary.compact.requests).toBe(summary.compact.errors);
  });
});

describe("npm start", () => {
  it("shows addresses that work, and ends on Ctrl-C with a summary and exit code 0", async () => {
    const demo = start(free);
    await demo.shows(" asked, ");
    const proxy = /proxy +(\S+)/.exec(demo.stdout())?.[1] as string;
    const admin = /admin +(\S+)\/v1\/status/.exec(demo.stdout())?.[1] as string;
    expect((await fetch(`${admin}/readyz`)).status).toBe(200);
    const dimensions = new Map<string, number>();
    for (let user = 1; user <= 20; user += 1) {
      const response = await fetch(`${proxy}/v1/embeddings`, {
        method: "POST",
        headers: { "content-type": "application/json", "x-user-id": `own-${user}` },
        body: JSON.stringify({ input: "What is RAG?", encoding_format: "base64" }),
      });
      const { data } = (await response.json()) as { data: { embedding: string }[] };
      const bytes = Buffer.from(data[0]?.embedding ?? "", "base64").length;
      dimensions.set(response.headers.get("x-sluice-variant") ?? "", bytes / 4);
    }
    expect(Object.fromEntries(dimensions)).toEqual({ full: 512, compact: 256 });
    demo.child.kill("SIGINT");
    // npm passes on what the terminal has sent already.
    demo.child.kill("SIGINT");
    expect(await demo.exit).toBe(0);
    expect(demo.stdout()).toContain("Summary of");
    expect(demo.stderr()).toBe("");
    await expect(fetch(`${proxy}/health`)).rejects.toThrow("fetch failed");
  });

  it("takes another split over the admin API while it runs", async () => {
    const demo = start(`--split ${free}`);
    await demo.shows(" asked, ");
    const admin = /admin +(\S+)\/v1\/status/.exec(demo.stdout())?.[1] as string;
    const present = await fetch(`${admin}/v1/config`);
    const wanted = (await present.text()).replace("compact, weight: 50", "compact, weight: 150");
    const post = (query: string) =>
      fetch(`${admin}/v1/config${query}`, {
        method: "POST",
        headers: { "if-match": present.headers.get("etag") ?? "" },
        body: wanted,
      });
    const planned = configAnswerSchema.parse(await (await post("?dry_run=true")).json());
    expect(planned).toMatchObject({ result: "planned", generation: 1 });
    const applied = configAnswerSchema.parse(await (await post("")).json());
    expect(applied).toMatchObject({ result: "applied", generation: 2, changes: planned.changes });
    expect((await post("")).status).toBe(412);
    const status = statusSchema.parse(await (await fetch(`${admin}/v1/status`)).json());
    expect(status.config).toMatchObject({ generation: 2, etag: applied.etag });
    expect(status.experiments[0]?.variants.map((variant) => variant.configured_share)).toEqual([
      0.25, 0.75,
    ]);
    demo.child.kill("SIGTERM");
    expect(await demo.exit).toBe(0);
    expect(demo.stdout()).toMatch(/total: \d+ measured = .* of \d+ asked here/);
  });

  it.each([
    [
      "errors",
      /^ {2}error_rate: \d+ of \d+ requests in this step(?:, \d+ of the last \d+)?, surely more than the 5 % allowed$/m,
    ],
    [
      "hang",
      // On a busy machine the control is slow, too, and the time-outs are counted first.
      /^ {2}(?:latency_p95|error_rate): \d+ of \d+ requests in this step(?:, \d+ of the last \d+)?, surely more than the 5 % allowed/m,
    ],
  ])("--once --fault %s: compact is taken back, exit code 3", async (fault, reason) => {
    const demo = start(`--once --rate 40 --fault ${fault} ${free}`);
    expect(await demo.exit).toBe(3);
    expect(demo.stdout()).toMatch(/^verdict: compact was rolled back [\d.]+ s after its start$/m);
    expect(demo.stdout()).toMatch(reason);
    expect(demo.stdout()).toMatch(
      /^ {2}\d+ ms after the first bad answer; users saw \d+ of them$/m,
    );
    expect(demo.stderr()).toBe("");
  });

  it("--fault-after: compact behaves at first, and is taken back when it does not any more", async () => {
    const demo = start(`--once --rate 40 --fault errors --fault-after 3s ${free}`);
    expect(await demo.exit).toBe(3);
    const took = /rolled back ([\d.]+) s after its start/.exec(demo.stdout())?.[1];
    expect(Number(took)).toBeGreaterThan(3);
  });

  it("--once --for 3s: compact is on its way, and there is no verdict yet", async () => {
    const demo = start(`--once --for 3s ${free}`);
    expect(await demo.exit).toBe(0);
    expect(demo.stdout()).toContain(
      "verdict: none yet\nembedding_model: stepping, step 1 of 3, treatment 25%",
    );
  });

  it.each(["--port", "--admin-port"])("%s taken: says which, and what to do", async (option) => {
    const holder = createServer().listen(0, "127.0.0.1");
    await once(holder, "listening");
    const { port } = holder.address() as AddressInfo;
    const other = option === "--port" ? "--admin-port" : "--port";
    const demo = start(`--once --for 1s ${option} ${port} ${other} 0`);
    expect(await demo.exit).toBe(1);
    expect(demo.stderr()).toContain(`127.0.0.1:${port} is in use`);
    expect(demo.stderr()).toContain("npm start -- --port");
    holder.close();
  });

  it("a bad option is exit code 2", async () => {
    const demo = start("--fault nothing");
    expect(await demo.exit).toBe(2);
    expect(demo.stderr()).toContain("errors, slow, hang");
  });
});
