import { execFile, execFileSync } from "node:child_process";
import { setTimeout as wait } from "node:timers/promises";
import { promisify } from "node:util";

/** A real terminal, driven as a person drives it: tmux. */
export type Terminal = {
  /** Types text as it is, at once. */
  readonly type: (text: string) => Promise<void>;
  /** Presses a key by tmux's name for it: Enter, Escape, C-c. */
  readonly press: (key: string) => Promise<void>;
  /** What is on the screen, a string a line. */
  readonly lines: () => Promise<string[]>;
  readonly screen: () => Promise<string>;
  /** The screen with its colours, as SGR sequences. */
  readonly colours: () => Promise<string>;
  /** Resolves with the screen once it shows that. */
  readonly see: (wanted: string | RegExp) => Promise<string>;
  readonly resize: (columns: number, rows: number) => Promise<void>;
  /** Whether the alternate screen is on, and the cursor shown. */
  readonly flags: () => Promise<{ readonly alternate: boolean; readonly cursor: boolean }>;
  readonly close: () => Promise<void>;
};

const run = promisify(execFile);
/** A program of its own has to start first, on a machine that has other things to do. */
const patienceMs = 60_000;
let terminals = 0;

/** Whether there is a tmux; root gets one where there is none. */
export function hasTmux(): boolean {
  try {
    execFileSync("tmux", ["-V"], { stdio: "ignore" });
    return true;
  } catch {
    if (process.getuid?.() !== 0) return false;
  }
  try {
    execFileSync("apt-get", ["install", "-y", "--no-install-recommends", "tmux"], {
      stdio: "ignore",
      timeout: 120_000,
    });
    return true;
  } catch {
    return false;
  }
}

/** A shell in a terminal of that size, with `before` on its screen. */
export async function openTerminal(
  columns: number,
  rows: number,
  env: Readonly<Record<string, string>> = {},
): Promise<Terminal> {
  terminals += 1;
  const socket = `sluice-test-${process.pid}-${terminals}`;
  const tmux = async (...line: string[]) => {
    const { stdout } = await run("tmux", ["-L", socket, "-f", "/dev/null", ...line]);
    return stdout;
  };
  const variables = Object.entries({
    LANG: "C.UTF-8",
    LC_ALL: "",
    USER: "tess",
    PS1: "$ ",
    ...env,
  });
  await tmux(
    "new-session",
    "-d",
    "-x",
    String(columns),
    "-y",
    String(rows),
    ...variables.flatMap(([name, value]) => ["-e", `${name}=${value}`]),
    "bash --norc --noprofile",
  );
  const terminal: Terminal = {
    type: async (text) => void (await tmux("send-keys", "-l", text)),
    press: async (key) => void (await tmux("send-keys", key)),
    lines: async () => (await tmux("capture-pane", "-p")).replace(/\n$/, "").split("\n"),
    screen: () => tmux("capture-pane", "-p"),
    colours: () => tmux("capture-pane", "-e", "-p"),
    async see(wanted) {
      const isThere = (screen: string) =>
        typeof wanted === "string" ? screen.includes(wanted) : wanted.test(screen);
      const endMs = performance.now() + patienceMs;
      for (;;) {
        const screen = await terminal.screen();
        if (isThere(screen)) return screen;
        if (performance.now() > endMs)
          throw new Error(`no ${String(wanted)} on the screen:\n${screen}`);
        await wait(50);
      }
    },
    resize: async (width, height) =>
      void (await tmux("resize-window", "-x", String(width), "-y", String(height))),
    async flags() {
      const flags = await tmux("display", "-p", "#{alternate_on} #{cursor_flag}");
      const [alternate, cursor] = flags.trim().split(" ");
      return { alternate: alternate === "1", cursor: cursor === "1" };
    },
    close: async () => void (await tmux("kill-server").catch(() => {})),
  };
  await terminal.type("echo be''fore");
  await terminal.press("Enter");
  await terminal.see(/^before$/m);
  return terminal;
}
