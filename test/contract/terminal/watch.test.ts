import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import type { Client } from "../../../src/faces/client/client.ts";
import { SluiceError } from "../../../src/faces/client/error.ts";
import {
  runWatch,
  type Ending,
  type WatchDependencies,
  type WatchOptions,
} from "../../../src/faces/terminal/watch.ts";
import type { LiveDocument } from "../../../src/wire/live.ts";
import { createFakeTime } from "../../support/fake-time.ts";
import { runCommandLine } from "../../support/command-line.ts";
import { documentAt, liveDocument } from "./document.ts";

type Listener = Parameters<Client["live"]>[0];

/** A watch of a server that says what the test makes it say. */
function start(
  options: Partial<WatchOptions> = {},
  {
    env = { LANG: "C.UTF-8", TERM: "xterm-256color" },
    live = (tell: Listener) => tell({ kind: "document", document: liveDocument, at: documentAt }),
    session = async () => ({ role: "operator", authentication: "none", version: "1" }),
  }: {
    readonly env?: Record<string, string>;
    readonly live?: (tell: Listener) => void;
    readonly session?: Client["session"];
  } = {},
) {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const time = createFakeTime();
  let end: (ending: Ending) => void = () => {};
  let tell: Listener = () => {};
  let lose: (error: SluiceError) => void = () => {};
  const client: Pick<Client, "session" | "live"> = {
    session,
    live: (listener) =>
      new Promise((_, reject) => {
        tell = listener;
        lose = reject;
        live(listener);
      }),
  };
  const dependencies: WatchDependencies = {
    streams: { stdin: new PassThrough(), stdout, stderr } as never,
    env,
    clock: time.clock,
    timers: time.timers,
    connect: () => client as Client,
    onEnding: (run) => {
      end = run;
      return () => {};
    },
  };
  const exit = runWatch(
    {
      url: "http://127.0.0.1:9090",
      token: null,
      tls: null,
      actor: null,
      experiment: null,
      once: false,
      json: false,
      colour: true,
      ascii: null,
      lines: false,
      giveUpMs: 60_000,
      ...options,
    },
    dependencies,
  );
  return {
    exit,
    time,
    stdout: () => drain(stdout),
    stderr: () => drain(stderr),
    end: () => end({ kind: "asked" }),
    tell: (update: Parameters<Listener>[0]) => tell(update),
    lose: (error: SluiceError) => lose(error),
  };
}

function drain(stream: PassThrough): string {
  let text = "";
  for (;;) {
    const chunk: Buffer | null = stream.read() as Buffer | null;
    if (chunk === null) return text;
    text += chunk.toString();
  }
}

describe("one frame", () => {
  it.each([
    [80, 24],
    [120, 40],
  ])("of %i by %i is the one that is written down", async (columns, lines) => {
    const env = { LANG: "C.UTF-8", NO_COLOR: "1", COLUMNS: `${columns}`, LINES: `${lines}` };
    const watch = start({ once: true, experiment: "openviking_vs_smp" }, { env });
    expect(await watch.exit).toBe(0);
    await expect(watch.stdout()).toMatchFileSnapshot(`golden/${columns}x${lines}.txt`);
  });

  it("has ASCII only where the locale is not UTF-8", async () => {
    const watch = start({ once: true }, { env: { LANG: "C" } });
    expect(await watch.exit).toBe(0);
    expect(watch.stdout()).toMatch(/^[ -~\n]+$/);
  });

  it("has colours in a pipe only by force, and never against NO_COLOR", async () => {
    const frame = async (env: Record<string, string>, colour = true) => {
      const watch = start({ once: true, colour }, { env });
      await watch.exit;
      return watch.stdout();
    };
    expect(await frame({ TERM: "xterm-256color" })).not.toContain("\u001B");
    expect(await frame({ TERM: "xterm-256color", FORCE_COLOR: "1" })).toContain("\u001B[38;5;");
    expect(await frame({ TERM: "vt220", FORCE_COLOR: "1" })).not.toContain("38;5");
    expect(await frame({ TERM: "xterm", FORCE_COLOR: "1", NO_COLOR: "1" })).not.toContain("\u001B");
    expect(await frame({ TERM: "xterm", FORCE_COLOR: "1" }, false)).not.toContain("\u001B");
  });

  it("exits 3 where the experiment was rolled back, and 2 where there is none", async () => {
    expect(await start({ once: true, experiment: "reranker" }).exit).toBe(3);
    expect(await start({ once: true }).exit).toBe(0);
    const nowhere = start({ once: true, experiment: "nowhere" });
    expect(await nowhere.exit).toBe(2);
    expect(nowhere.stderr()).toBe("sluice watch: there is no experiment nowhere\n");
  });

  it("is the live document with --json", async () => {
    const watch = start({ once: true, json: true });
    expect(await watch.exit).toBe(0);
    expect(JSON.parse(watch.stdout())).toEqual(liveDocument);
  });
});

describe("without a terminal", () => {
  it("is a line for each change, with its time, until it is told to stop", async () => {
    const watch = start({ experiment: "openviking_vs_smp" });
    await expect
      .poll(() => watch.stdout())
      .toMatch(
        /^2026-11-28T12:00:00.000Z {2}openviking_vs_smp: step 2\/4, openviking 25%; Healthy/,
      );
    const document: LiveDocument = structuredClone(liveDocument);
    Object.assign(document.rollouts["openviking_vs_smp"]!, { phase: "paused", reason: "lunch" });
    const at = "2026-11-28T12:00:07.000Z";
    watch.tell({ kind: "document", document, at });
    watch.tell({ kind: "document", document, at });
    expect(watch.stdout()).toBe(
      `${at}  openviking_vs_smp: paused, openviking 25%; Paused: lunch\n`,
    );
    watch.end();
    expect(await watch.exit).toBe(0);
  });

  it("says since when it is stale, and when it is back", async () => {
    const watch = start({ experiment: "by_region" });
    await expect.poll(() => watch.stdout()).toContain("by_region");
    const error = new SluiceError("unreachable", "gone", { detail: "connect ECONNREFUSED" });
    watch.tell({ kind: "stale", error });
    expect(watch.stdout()).toMatch(/sluice: stale, connect ECONNREFUSED\n$/);
    watch.time.advance(12_000);
    watch.tell({ kind: "document", document: liveDocument, at: documentAt });
    expect(watch.stdout()).toBe(`${documentAt}  sluice: live again after 12s\n`);
    watch.end();
    await watch.exit;
  });

  it("gives up when Sluice stays away, in one line", async () => {
    const watch = start({ giveUpMs: 30_000 });
    await expect.poll(() => watch.stdout()).toContain("sluice: ready");
    watch.tell({ kind: "stale", error: new SluiceError("unreachable", "gone") });
    watch.time.advance(31_000);
    expect(await watch.exit).toBe(1);
    expect(watch.stderr()).toBe(
      "sluice watch: http://127.0.0.1:9090 cannot be reached: gave up after 30 s without it\n",
    );
  });

  it("ends when it is told that coming back is of no use", async () => {
    const watch = start();
    await expect.poll(() => watch.stdout()).toContain("sluice: ready");
    watch.lose(
      new SluiceError("unauthorized", "401", { status: 401, detail: "A token is needed" }),
    );
    expect(await watch.exit).toBe(2);
    expect(watch.stderr()).toBe("sluice watch: A token is needed\n");
  });
});

describe("what is wrong from the start is one line", () => {
  it.each([
    [
      new SluiceError("unauthorized", "m", { status: 401, detail: "The token is wrong" }),
      2,
      "The token is wrong",
    ],
    [
      new SluiceError("unreachable", "m", { detail: "connect ECONNREFUSED" }),
      1,
      "http://127.0.0.1:9090 cannot be reached: connect ECONNREFUSED",
    ],
    [
      new SluiceError("bad_answer", "GET / was answered 200", { status: 200 }),
      1,
      "http://127.0.0.1:9090 does not answer as Sluice's admin port does: GET / was answered 200",
    ],
    [
      new SluiceError("not_found", "m", { status: 404, detail: "No route" }),
      2,
      "http://127.0.0.1:9090 is no admin port: No route",
    ],
  ])("%s", async (error, exitCode, words) => {
    const watch = start(
      {},
      {
        session: async () => {
          throw error;
        },
      },
    );
    expect(await watch.exit).toBe(exitCode);
    expect(watch.stderr()).toBe(`sluice watch: ${words}\n`);
    expect(watch.stdout()).toBe("");
  });

  it("also when the first document never comes", async () => {
    const watch = start({}, { live: () => {} });
    await expect.poll(() => watch.time.pending()).toBe(1);
    watch.time.advance(10_000);
    expect(await watch.exit).toBe(1);
    expect(watch.stderr()).toContain("the live document did not come");
  });
});

describe("the command line", () => {
  const files = { "/t": " secret \n", "/empty": "\n" };
  const parse = (line: string[], env: Record<string, string> = {}) =>
    runCommandLine(["watch", ...line], files, env);

  it("takes the token from the option, the file or the environment, and the actor likewise", async () => {
    expect((await parse([])).watched[0]).toMatchObject({
      token: null,
      actor: null,
      giveUpMs: 900_000,
    });
    const env = { SLUICE_ADMIN_TOKEN: "env", USER: "ann" };
    expect((await parse([], env)).watched[0]).toMatchObject({ token: "env", actor: "ann" });
    expect((await parse(["--token-file", "/t"], env)).watched[0]).toMatchObject({
      token: "secret",
    });
    const given = await parse(["--token", "mine", "--actor", "ben", "--ascii", "--no-color"], env);
    expect(given.watched[0]).toMatchObject({
      token: "mine",
      actor: "ben",
      ascii: true,
      colour: false,
    });
    expect((await parse([], { INK_SCREEN_READER: "true" })).watched[0]).toMatchObject({
      lines: true,
    });
  });

  it.each([
    [["--url", "here"], "--url is no address such as http://127.0.0.1:9090: here"],
    [["--url", "ftp://x"], "--url is no address such as http://127.0.0.1:9090: ftp://x"],
    [["--json"], "--json goes with --once"],
    [["--give-up", "soon"], "--give-up is no duration such as 15m: soon"],
    [["--token-file", "/none"], "/none cannot be read"],
    [["--token-file", "/empty"], "/empty is empty"],
    [["--token-file", "/t", "--token", "x"], "--token and --token-file: one of them is enough"],
  ])("%j is refused", async (line, words) => {
    expect(await parse(line)).toMatchObject({
      exitCode: 2,
      watched: [],
      stderr: `sluice watch: ${words}\n`,
    });
  });
});
