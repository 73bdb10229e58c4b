import { mkdirSync } from "node:fs";
import { resolve } from "node:path";
import { chromium } from "playwright-core";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { startSluice } from "../../src/main/sluice-process.ts";
import type { Sluice } from "../../src/main/running-sluice.ts";
import { freePorts } from "../support/sluice.ts";
import { startUpstream } from "../support/upstream.ts";
import type { TestUpstream } from "../support/upstream.ts";
import { buildPage } from "./built-page.ts";

/** The page in a browser, served by a real Sluice: that it opens, is live, and breaks no rule of its Content-Security-Policy. */

const artifacts = resolve(import.meta.dirname, "../e2e/__artifacts__");
let built: Awaited<ReturnType<typeof buildPage>>;
let browser: Browser;
let upstream: TestUpstream;
let sluice: Sluice;
let context: BrowserContext;
let page: Page;
/** Whatever the browser complains of. */
let complaints: string[];

const configOf = (url: string, admin = "") => `
${admin === "" ? freePorts() : `listen: { host: 127.0.0.1, port: 0 }\n${admin}`}
upstreams: { old: { url: "${url}" }, new: { url: "${url}" } }
routes: [ { match: "POST /ask", experiment: new_model } ]
experiments:
  new_model:
    variants: { old: { upstream: old, control: true }, new: { upstream: new } }
`;

beforeAll(async () => {
  mkdirSync(artifacts, { recursive: true });
  built = await buildPage();
  browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: ["--no-sandbox"],
  });
  upstream = await startUpstream();
});
afterAll(async () => {
  await browser.close();
  await upstream.close();
  built.remove();
});
beforeEach(async () => {
  complaints = [];
  context = await browser.newContext();
  page = await context.newPage();
  page.on("pageerror", ({ message }) => complaints.push(message));
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
  });
});
afterEach(async () => {
  await context.close();
  await sluice.stop();
});

async function serve(configText: string): Promise<string> {
  sluice = await startSluice({
    configText,
    env: {},
    version: "1.2.3",
    dashboardPath: built.folder,
  });
  return `http://127.0.0.1:${sluice.adminPort}/`;
}

describe("the page", () => {
  it("shows requests as they come, and the browser finds nothing to complain of", async () => {
    const address = await serve(configOf(upstream.url));
    await page.goto(address);
    const card = page.getByRole("article", { name: "new_model" });
    await card.waitFor();
    await page.getByText("Live", { exact: true }).waitFor();
    await fetch(`http://127.0.0.1:${sluice.dataPort}/ask`, {
      method: "POST",
      headers: { "x-user-id": "alice" },
      body: "{}",
    });
    await card.getByText("100 %", { exact: true }).first().waitFor();
    await card.getByRole("link", { name: "new_model", exact: true }).click();
    await page.getByRole("heading", { level: 1, name: "new_model" }).waitFor();
    expect(page.url()).toBe(`${address}#/experiment/new_model`);
    await page.screenshot({ path: resolve(artifacts, "experiment.png") });
    await page.getByText("Requests per second", { exact: true }).waitFor();
    await page.getByRole("heading", { name: "By route" }).waitFor();
    expect(complaints).toEqual([]);
  });

  it("asks for the token, keeps it out of addresses, and lets in with the right one", async () => {
    const address = await serve(
      configOf(upstream.url, `admin: { host: 127.0.0.1, port: 0, token: "let-me-in" }`),
    );
    const asked: string[] = [];
    page.on("request", (request) => asked.push(request.url()));
    page.on("websocket", (socket) => asked.push(socket.url()));
    await page.goto(address);
    await page.getByLabel("Token").fill("wrong");
    await page.getByRole("button", { name: "Log in" }).click();
    await page.getByRole("alert").getByText("does not know this token").waitFor();
    await page.getByLabel("Token").fill("let-me-in");
    await page.getByRole("button", { name: "Log in" }).click();
    await page.getByText("Live", { exact: true }).waitFor();
    await page.reload();
    await page.getByText("Live", { exact: true }).waitFor();
    expect(asked.filter((url) => url.includes("let-me-in"))).toEqual([]);
    expect(asked.some((url) => url.startsWith("ws:"))).toBe(true);
  });

  it("says that it is not live while Sluice is away", async () => {
    await page.goto(await serve(configOf(upstream.url)));
    await page.getByText("Live", { exact: true }).waitFor();
    await sluice.stop();
    await page.getByText("Everything below is as of").waitFor();
    expect(await page.getByText("Not live", { exact: true }).isVisible()).toBe(true);
  });
});
