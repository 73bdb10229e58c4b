import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { hasChromium, launchChromium, openPage } from "./support/browser.ts";
import { ansiToHtml } from "./support/ansi-html.ts";
import { hasTmux, openTerminal } from "./support/tmux.ts";

/**
 * `npm run pictures`: docs/dashboard.png and docs/terminal.png, of the demonstration while its canary climbs. Needs Debian's
 * Chromium and tmux; takes about a minute and a half.
 */

const admin = "http://127.0.0.1:19090";
const experiment = "embedding_model";
const waitMsMax = 180_000;
const root = new URL("..", import.meta.url).pathname;
const columns = 112;
const rows = 34;

type Seen = {
  readonly phase: string;
  readonly step: number | null;
  readonly verdicts: readonly { readonly verdict: string }[];
};

async function seeRollout(): Promise<Seen | null> {
  const answer = await fetch(`${admin}/v1/rollouts/${experiment}`).catch(() => null);
  if (answer === null || !answer.ok) return null;
  const seen = (await answer.json()) as Seen;
  if (seen.phase === "rolled_back" || seen.phase === "paused") {
    throw new Error(`the canary is ${seen.phase}: this machine is too busy for a picture`);
  }
  return seen;
}

/** At the second step both variants have half of the users. */
async function isHalfway(): Promise<boolean> {
  return ((await seeRollout())?.step ?? 0) >= 2;
}

async function isProven(): Promise<boolean> {
  const verdicts = (await seeRollout())?.verdicts ?? [];
  return verdicts.length > 0 && verdicts.every(({ verdict }) => verdict === "ok");
}

async function waitUntil(isSo: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + waitMsMax;
  while (!(await isSo())) {
    if (performance.now() > endMs) throw new Error("the demonstration had nothing to say in time");
    await sleep(200);
  }
}

async function takePictures(): Promise<void> {
  await waitUntil(isHalfway);
  const terminal = await openTerminal(columns, rows, {
    PATH: process.env["PATH"] ?? "",
    TERM: "xterm-256color",
  });
  const browser = await launchChromium();
  try {
    await terminal.type(`cd ${root} && clear`);
    await terminal.press("Enter");
    await terminal.type(`npx sluice watch --url ${admin} --experiment ${experiment}`);
    await terminal.press("Enter");
    const { page } = await openPage(browser, {
      viewport: { width: 1280, height: 800 },
      deviceScaleFactor: 1,
      colorScheme: "light",
    });
    await page.goto(`${admin}/#/rollout/${experiment}`);
    await page.getByText("compact").first().waitFor();
    await terminal.see("compact");
    await waitUntil(isProven);
    // Until both show it.
    await sleep(1500);
    await page.screenshot({ path: "docs/dashboard.png" });
    // The dashboard's own page takes no markup from elsewhere.
    const { page: blank } = await openPage(browser);
    await blank.setContent(ansiToHtml(await terminal.colours()));
    await blank.locator("pre").screenshot({ path: "docs/terminal.png" });
  } finally {
    await terminal.close();
    await browser.close();
  }
}

if (!hasChromium() || !hasTmux())
  throw new Error("needs chromium and tmux: apt-get install chromium tmux");
const demo = spawn(
  process.execPath,
  ["src/main/start.ts", "--port", "18080", "--admin-port", "19090", "--rate", "12"],
  { cwd: root, stdio: "inherit" },
);
try {
  await takePictures();
} finally {
  demo.kill("SIGINT");
  await once(demo, "exit");
}
