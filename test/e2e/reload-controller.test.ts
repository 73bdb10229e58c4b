import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ok } from "../../src/base/result.ts";
import type { Result } from "../../src/base/result.ts";
import { openConfigFile } from "../../src/control/config-file.ts";
import type { ConfigFile } from "../../src/control/config-file.ts";
import { createDebounce } from "../../src/control/reload-watch.ts";
import { createReloader, loadConfig, reloadLimits } from "../../src/control/reload.ts";
import type { ReloadDependencies } from "../../src/control/reload.ts";
import type { Config } from "../../src/core/config/model.ts";

const context = { env: {}, cores: 1 };

function textWith(port: number, more = ""): string {
  return `${more}upstreams: { a: { url: "http://localhost:${port}" } }\nroutes: [ { match: "/**", upstream: a } ]\n`;
}

function portOf(config: Config): number | undefined {
  return config.upstreams["a"]?.endpoints[0]?.port;
}

const experimentSeeded = (seed: string) =>
  `experiments: { e: { variants: { control: { upstream: a }, b: { upstream: a } }, assignment: { seed: ${seed} } } }\n`;

const pemOf = (word: string) => `-----BEGIN CERTIFICATE-----\n${word}\n`;

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sluice-reload-"));
});
afterEach(() => {
  chmodSync(folder, 0o755);
  rmSync(folder, { recursive: true });
});

/** Time that passes when the test says so. */
function manualTime() {
  let nowMs = 0;
  let timers: { readonly atMs: number; readonly run: () => void }[] = [];
  return {
    clock: { wallMs: () => nowMs, monotonicMs: () => nowMs },
    timers: {
      after(delayMs: number, run: () => void) {
        const timer = { atMs: nowMs + delayMs, run };
        timers.push(timer);
        return () => {
          timers = timers.filter((other) => other !== timer);
        };
      },
      every: () => () => {},
    },
    pass(ms: number) {
      nowMs += ms;
      const due = timers.filter((timer) => timer.atMs <= nowMs);
      timers = timers.filter((timer) => timer.atMs > nowMs);
      for (const timer of due) timer.run();
    },
    waiting: () => timers.length,
  };
}

function startedReloader(
  initialText: string,
  overrides: Partial<ReloadDependencies> & { wrapFile?: (file: ConfigFile) => ConfigFile } = {},
) {
  const path = join(folder, "sluice.yaml");
  writeFileSync(path, initialText);
  const real = openConfigFile(path);
  const file = overrides.wrapFile?.(real) ?? real;
  const initial = loadConfig(file, context);
  if (!initial.ok) throw new Error(JSON.stringify(initial.error));
  const time = manualTime();
  const applied: Config[] = [];
  const watched: string[][] = [];
  const logged: string[] = [];
  let changed: (() => void) | null = null;
  const reloader = createReloader(initial.value, {
    ...context,
    file,
    clock: time.clock,
    timers: time.timers,
    watch: (paths, onChange) => {
      watched.push([...paths]);
      changed = onChange;
      return () => {};
    },
    record: () => undefined,
    apply: async (_plan, config): Promise<Result<unknown, string>> => {
      applied.push(config);
      return ok(null);
    },
    log: (level, message) => {
      logged.push(`${level} ${message}`);
    },
    ...overrides,
  });
  return { reloader, path, time, applied, watched, logged, change: () => changed?.() };
}

describe("a reload from the file", () => {
  it("applies what changed and counts a generation", async () => {
    const { reloader, path, applied, logged } = startedReloader(textWith(1));
    const before = reloader.state();
    expect(before).toMatchObject({ generation: 1, last: null });
    expect(before.etag).toMatch(/^"[0-9a-f]{32}"$/);
    writeFileSync(path, textWith(2));
    expect(await reloader.reloadFromFile("SIGHUP")).toMatchObject({
      kind: "applied",
      generation: 2,
      changes: ["upstreams.a: endpoints changed"],
      warnings: [],
      notSaved: null,
    });
    expect(applied.map(portOf)).toEqual([2]);
    const after = reloader.state();
    expect(after).toMatchObject({ generation: 2, text: textWith(2), last: { reason: "SIGHUP" } });
    expect(after.etag).not.toBe(before.etag);
    expect(logged).toEqual(["info configuration applied"]);
  });

  it("leaves alone what only looks different, and knows its new ETag", async () => {
    const { reloader, path, applied } = startedReloader(textWith(1));
    const { etag } = reloader.state();
    writeFileSync(path, textWith(1, "# words\n"));
    expect(await reloader.reloadFromFile("SIGHUP")).toMatchObject({ kind: "unchanged" });
    expect(applied).toEqual([]);
    expect(reloader.state().generation).toBe(1);
    expect(reloader.state().etag).not.toBe(etag);
  });

  it("keeps the last good configuration whatever the file becomes", async () => {
    const { reloader, path, applied, logged } = startedReloader(textWith(1));
    const before = reloader.state();
    writeFileSync(path, "upstreams: {}\n");
    expect(await reloader.reloadFromFile("SIGHUP")).toMatchObject({
      kind: "invalid",
      issues: [{ path: "routes", code: "missing" }],
    });
    rmSync(path);
    expect(await reloader.reloadFromFile("SIGHUP")).toMatchObject({
      kind: "failed",
      message: expect.stringContaining("there is no such file") as string,
    });
    mkdirSync(path);
    expect(await reloader.reloadFromFile("SIGHUP")).toMatchObject({ kind: "failed" });
    const { config, text, etag, generation } = reloader.state();
    expect({ config, text, etag, generation }).toEqual({
      config: before.config,
      text: before.text,
      etag: before.etag,
      generation: 1,
    });
    expect(reloader.state().counts).toMatchObject({ invalid: 1, failed: 2, applied: 0 });
    expect(applied).toEqual([]);
    expect(logged.every((line) => line.startsWith("error"))).toBe(true);
  });

  it("refuses to re-bucket a running experiment", async () => {
    const { reloader, path } = startedReloader(textWith(1, experimentSeeded("x")));
    writeFileSync(path, textWith(1, experimentSeeded("y")));
    expect(await reloader.reloadFromFile("SIGHUP")).toMatchObject({
      kind: "refused",
      issues: [{ code: "rebucketing" }],
    });
    expect(reloader.state().text).toContain("seed: x");
  });

  it.each<[string, ReloadDependencies["apply"], string]>([
    ["says no", async () => ({ ok: false, error: "worker 1 did not answer" }), "worker 1"],
    ["throws", () => Promise.reject(new Error("a bug")), "a bug"],
  ])("stays where it was when applying %s", async (_, apply, message) => {
    const { reloader, path, time } = startedReloader(textWith(1), { apply });
    writeFileSync(path, textWith(2));
    expect(await reloader.reloadFromFile("SIGHUP")).toMatchObject({
      kind: "failed",
      message: expect.stringContaining(message) as string,
    });
    expect(portOf(reloader.state().config)).toBe(1);
    expect(time.waiting()).toBe(0);
  });

  it("gives up on an apply that never ends", async () => {
    const started = Promise.withResolvers<null>();
    const { reloader, path, time } = startedReloader(textWith(1), {
      apply: () => {
        started.resolve(null);
        return new Promise(() => {});
      },
    });
    writeFileSync(path, textWith(2));
    const outcome = reloader.reloadFromFile("SIGHUP");
    await started.promise;
    time.pass(reloadLimits.applyMsMax);
    expect(await outcome).toEqual({ kind: "failed", message: "not applied within 30 s" });
  });
});

describe("one at a time", () => {
  it("runs concurrent reloads one after the other, in order", async () => {
    let running = 0;
    let runningMax = 0;
    const { reloader, applied } = startedReloader(textWith(1), {
      apply: async (_plan, config) => {
        running += 1;
        runningMax = Math.max(runningMax, running);
        await Promise.resolve();
        applied.push(config);
        running -= 1;
        return ok(null);
      },
    });
    const ports = Array.from({ length: 20 }, (_, at) => at + 2);
    const outcomes = await Promise.all(
      ports.map((port) => reloader.replace(textWith(port), "*", "test")),
    );
    expect(outcomes.map(({ kind }) => kind)).toEqual(ports.map(() => "applied"));
    expect(applied.map(portOf)).toEqual(ports);
    expect(runningMax).toBe(1);
    expect(reloader.state().generation).toBe(21);
  });

  it("lets one of two writers win", async () => {
    const { reloader } = startedReloader(textWith(1));
    const { etag } = reloader.state();
    const [first, second] = await Promise.all([
      reloader.replace(textWith(2), etag, "one"),
      reloader.replace(textWith(3), etag, "two"),
    ]);
    expect(first).toMatchObject({ kind: "applied" });
    expect(second).toEqual({ kind: "conflict", etag: reloader.state().etag });
    expect(portOf(reloader.state().config)).toBe(2);
  });

  it("refuses more than it can queue", async () => {
    const { reloader } = startedReloader(textWith(1));
    const many = Array.from({ length: reloadLimits.pendingMax + 1 }, () =>
      reloader.reloadFromFile("SIGHUP"),
    );
    const kinds = (await Promise.all(many)).map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === "failed")).toHaveLength(1);
    expect(kinds.at(-1)).toBe("failed");
  });

  it("takes nothing new once stopped", async () => {
    const { reloader, path } = startedReloader(textWith(1));
    writeFileSync(path, textWith(2));
    const last = reloader.reloadFromFile("SIGHUP");
    await reloader.stop();
    expect(await last).toMatchObject({ kind: "applied" });
    expect(await reloader.reloadFromFile("SIGHUP")).toMatchObject({ kind: "failed" });
  });
});

describe("a configuration from the API", () => {
  it("is written to the file as a whole, with its mode, so that a restart keeps it", async () => {
    const { reloader, path } = startedReloader(textWith(1));
    chmodSync(path, 0o640);
    const outcome = await reloader.replace(textWith(2), reloader.state().etag, "api");
    expect(outcome).toMatchObject({ kind: "applied", notSaved: null });
    expect(readFileSync(path, "utf8")).toBe(textWith(2));
    expect(statSync(path).mode & 0o777).toBe(0o640);
    expect(readdirSync(folder)).toEqual(["sluice.yaml"]);
    expect(await reloader.reloadFromFile("file changed")).toMatchObject({ kind: "unchanged" });
  });

  it("changes neither the file nor the proxy when it is wrong", async () => {
    const { reloader, path } = startedReloader(textWith(1));
    const outcome = await reloader.replace("routes: 5", "*", "api");
    expect(outcome).toMatchObject({ kind: "invalid" });
    expect(readFileSync(path, "utf8")).toBe(textWith(1));
  });

  it("works without the file when that cannot be written, and says so", async () => {
    const { reloader, path, logged } = startedReloader(textWith(1), {
      wrapFile: (file) => ({
        ...file,
        write: () => ({ ok: false, error: "the file system is read-only" }),
      }),
    });
    expect(await reloader.replace(textWith(2), "*", "api")).toMatchObject({
      kind: "applied",
      notSaved: "the file system is read-only",
    });
    expect(portOf(reloader.state().config)).toBe(2);
    expect(readFileSync(path, "utf8")).toBe(textWith(1));
    expect(logged).toEqual(["warn configuration applied"]);
  });

  it("does not overwrite what somebody wrote to the file meanwhile", async () => {
    const { reloader, path } = startedReloader(textWith(1));
    writeFileSync(path, "half an edi");
    expect(await reloader.replace(textWith(2), "*", "api")).toMatchObject({
      kind: "applied",
      notSaved: expect.stringContaining("edited meanwhile") as string,
    });
    expect(readFileSync(path, "utf8")).toBe("half an edi");
  });
});

describe("watching", () => {
  it("reloads once a burst of changes is over", async () => {
    const { reloader, path, time, change } = startedReloader(textWith(1));
    reloader.start();
    writeFileSync(path, textWith(2));
    change();
    time.pass(reloadLimits.quietMs - 1);
    change();
    time.pass(reloadLimits.quietMs - 1);
    expect(reloader.state().last).toBeNull();
    time.pass(1);
    await reloader.stop();
    expect(reloader.state().last).toMatchObject({ reason: "file changed" });
    expect(reloader.state().counts.applied).toBe(1);
  });

  it("does not wait for ever", () => {
    const time = manualTime();
    let runs = 0;
    const debounce = createDebounce({ quietMs: 100, waitMsMax: 250 }, time, () => {
      runs += 1;
    });
    for (let passed = 0; passed < 250; passed += 50) {
      debounce.call();
      time.pass(50);
    }
    expect(runs).toBe(1);
    expect(time.waiting()).toBe(0);
  });

  it("watches PEM files, also ones that are still missing", async () => {
    const secure = `listen: { tls: { cert: c.pem, key: k.pem } }\n`;
    const { reloader, path, watched } = startedReloader(textWith(1));
    reloader.start();
    expect(watched.at(-1)).toEqual([path]);
    writeFileSync(path, textWith(1, secure));
    expect(await reloader.reloadFromFile("test")).toMatchObject({ kind: "invalid" });
    expect(watched.at(-1)).toEqual([path, join(folder, "c.pem"), join(folder, "k.pem")]);
    await reloader.stop();
  });

  it("applies a new certificate under an unchanged text", async () => {
    writeFileSync(join(folder, "c.pem"), pemOf("old"));
    const secure = `listen: { tls: { cert: c.pem, key: c.pem } }\n`;
    const { reloader, applied } = startedReloader(textWith(1, secure));
    writeFileSync(join(folder, "c.pem"), pemOf("new"));
    expect(await reloader.reloadFromFile("file changed")).toMatchObject({
      kind: "applied",
      changes: ["listen: tls changed"],
    });
    expect(applied[0]?.listen.tls?.cert).toBe(pemOf("new"));
  });
});
