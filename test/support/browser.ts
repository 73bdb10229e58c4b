import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { chromium } from "playwright-core";
import type { Browser, BrowserContext, BrowserContextOptions, Page } from "playwright-core";

/** Debian's Chromium, and what a test wants to know of a page in it. */

const executablePath = "/usr/bin/chromium";
/** Ignored by git. */
const artifacts = resolve(import.meta.dirname, "../e2e/__artifacts__");

/** Whether there is a Chromium; where apt-get may install one, it is installed. */
export function hasChromium(): boolean {
  if (existsSync(executablePath)) return true;
  if (process.getuid?.() !== 0 || !existsSync("/usr/bin/apt-get")) return false;
  try {
    const options = { stdio: "ignore", env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" } };
    execFileSync("apt-get", ["update"], { ...options, stdio: "ignore", timeout: 120_000 });
    execFileSync("apt-get", ["install", "-y", "--no-install-recommends", "chromium"], {
      ...options,
      stdio: "ignore",
      timeout: 300_000,
    });
  } catch {
    // No network, or no such package: the tests are skipped, and say so.
  }
  return existsSync(executablePath);
}

export function launchChromium(): Promise<Browser> {
  // Chromium's sandbox does not work for root, nor in most containers.
  return chromium.launch({ executablePath, args: ["--no-sandbox"] });
}

export type WatchedPage = {
  readonly context: BrowserContext;
  readonly page: Page;
  /** Errors, warnings and violations of the Content-Security-Policy that the browser told of; answers with a 4xx status aside. */
  readonly complaints: string[];
  /** Addresses that the page asked for, sockets included. */
  readonly asked: string[];
};

/** A page in a context of its own, whose complaints are kept. */
export async function openPage(
  browser: Browser,
  options: BrowserContextOptions = {},
): Promise<WatchedPage> {
  const context = await browser.newContext({ acceptDownloads: true, ...options });
  const complaints: string[] = [];
  const asked: string[] = [];
  await context.addInitScript(
    `document.addEventListener("securitypolicyviolation", (event) =>
      console.error("CSP: " + event.violatedDirective + " " + event.blockedURI));`,
  );
  const page = await context.newPage();
  page.on("pageerror", ({ message }) => complaints.push(message));
  page.on("console", (message) => {
    const isBad = message.type() === "error" || message.type() === "warning";
    // The browser tells of each answer that is no success; what the page makes of it is tested.
    if (isBad && !message.text().startsWith("Failed to load resource")) {
      complaints.push(message.text());
    }
  });
  page.on("request", (request) => asked.push(request.url()));
  page.on("websocket", (socket) => asked.push(socket.url()));
  return { context, page, complaints, asked };
}

/** Keeps a picture of the whole page for people to look at. */
export async function keepPicture(page: Page, name: string): Promise<void> {
  mkdirSync(artifacts, { recursive: true });
  await page.screenshot({ path: join(artifacts, `${name}.png`), fullPage: true });
}

/** By how many pixels the page is wider than its window. */
export async function sidewaysOverflow(page: Page): Promise<number> {
  return page.evaluate<number>(
    "document.documentElement.scrollWidth - document.documentElement.clientWidth",
  );
}
