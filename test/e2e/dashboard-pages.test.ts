import { AxeBuilder } from "@axe-core/playwright";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildPage } from "../dashboard/built-page.ts";
import {
  hasChromium,
  keepPicture,
  launchChromium,
  openPage,
  sidewaysOverflow,
} from "../support/browser.ts";
import { burst, startDashboard } from "../support/dashboard.ts";
import type { DashboardSluice } from "../support/dashboard.ts";
import { startUpstream } from "../support/upstream.ts";
import type { TestUpstream } from "../support/upstream.ts";

/** Every page, in both themes and on a phone: that nobody is shut out, nothing is cut off, and the browser has no complaint. */

const isPossible = hasChromium();
const longMs = 240_000;

const phases = (guardrail: string, steps: string) => `
    variants: { full: { upstream: old, control: true }, compact: { upstream: new } }
    rollout: { steps: [ ${steps} ] }
    guardrails: [ ${guardrail} ]`;

const config = (old: string, fresh: string) => `
alerts:
  rules: { upstream_unhealthy: { for: 0s } }
upstreams:
  old: { url: "${old}" }
  new: { url: "${fresh}" }
  gone: { url: "http://127.0.0.1:9", health: { path: /health, interval: 1s, timeout: 500ms } }
routes:
  - { match: "POST /ab", experiment: ab }
  - { match: "POST /climb", experiment: climb }
  - { match: "POST /copies", experiment: copies }
  - { match: "POST /at_once", experiment: at_once }
  - { match: "POST /back", experiment: back }
  - { match: "POST /stay", experiment: not_begun }
experiments:
  ab:
    variants: { full: { upstream: old, control: true }, compact: { upstream: new } }
    analysis: { primary: latency_mean }
  climb:${phases("{ metric: error_rate, max: 5% }, { metric: latency_p95, max: 5s }", "{ share: 25%, hold: 1h, gate: approval }, { share: 100% }")}
  copies:${phases("{ metric: error_rate, max: 5% }", "{ shadow: 20%, hold: 1h }, { share: 5% }, { share: 100% }")}
  at_once:${phases("{ metric: error_rate, max: 5% }", "{ share: 100%, hold: 1h }")}
  back:${phases("{ metric: error_rate, max: 5% }", "{ share: 20%, hold: 1h }, { share: 100% }")}
  not_begun:
    variants: { full: { upstream: old, control: true }, compact: { upstream: gone } }
    rollout: { steps: [ { share: 10% }, { share: 100% } ] }
`;

/** Names and addresses of what is looked at. */
const pages = [
  ["overview", ""],
  ["experiment", "experiment/ab"],
  ["rollout", "rollout/climb"],
  ["rollout-copies", "rollout/copies"],
  ["rollout-promoted", "rollout/at_once"],
  ["rollout-back", "rollout/back"],
  ["rollout-not-begun", "rollout/not_begun"],
  ["alerts", "alerts"],
  ["assign", "assign"],
  ["reports", "reports"],
  ["system", "system"],
  ["new", "new"],
  ["no-such-page", "nowhere"],
] as const;

const arabic = "معدل الأخطاء مرتفع جدا، نعود إلى النموذج القديم";

describe.skipIf(!isPossible)("the dashboard's pages (needs chromium)", () => {
  let built: Awaited<ReturnType<typeof buildPage>>;
  let browser: Browser;
  let old: TestUpstream;
  let fresh: TestUpstream;
  let sluice: DashboardSluice;

  beforeAll(async () => {
    built = await buildPage();
    browser = await launchChromium();
    [old, fresh] = await Promise.all([startUpstream("old"), startUpstream("new")]);
    sluice = await startDashboard(built, config(old.url, fresh.url));
    for (const experiment of ["climb", "copies", "at_once", "back"]) {
      await command(experiment, "start");
    }
    for (const path of ["ab", "climb", "copies", "at_once", "back"]) {
      await burst(`${sluice.dataUrl}/${path}`, 120, 60);
    }
    await command("at_once", "promote_all");
    await command("back", "rollback", arabic);
  });
  afterAll(async () => {
    await browser.close();
    await sluice.stop();
    await Promise.all([old.close(), fresh.close()]);
    built.remove();
  });

  async function command(experiment: string, name: string, reason?: string): Promise<void> {
    const answer = await fetch(`${sluice.address}v1/rollouts/${experiment}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ command: name, actor: "ann", force: true, reason }),
    });
    expect(answer.status).toBe(200);
  }

  async function show(page: Page, path: string, address = sluice.address): Promise<void> {
    await page.goto(`${address}#/${path}`);
    await page.getByText("Live", { exact: true }).waitFor();
    await page.getByRole("heading", { level: 1 }).waitFor();
    await expect.poll(() => page.getByText(/^Loading/).count()).toBe(0);
  }

  it(
    "have no violation that axe finds in either theme, fit a phone, and give the browser nothing to complain of",
    { timeout: longMs },
    async () => {
      const viewport = { width: 1440, height: 900 };
      const { page, context, complaints } = await openPage(browser, { viewport });
      const examine = async (name: string) => {
        const { violations } = await new AxeBuilder({ page }).setLegacyMode().analyze();
        const found = violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html ?? ""}`);
        expect([name, ...found]).toEqual([name]);
      };
      for (const [name, path] of pages) {
        await page.emulateMedia({ colorScheme: "light" });
        await show(page, path);
        await keepPicture(page, `${name}-light`);
        await examine(name);
        await page.emulateMedia({ colorScheme: "dark" });
        await keepPicture(page, `${name}-dark`);
        await examine(name);
        await page.setViewportSize({ width: 360, height: 780 });
        await keepPicture(page, `${name}-phone`);
        expect([name, await sidewaysOverflow(page)]).toEqual([name, 0]);
        await page.setViewportSize(viewport);
      }
      expect(complaints).toEqual([]);
      await context.close();
    },
  );

  it("show what is written from right to left as such, and a user's variant with the reason", async () => {
    const { page, context } = await openPage(browser);
    await show(page, "rollout/back");
    const reason = page.getByRole("region", { name: "How it stands" }).getByText(arabic);
    expect(await reason.evaluate(directionOf)).toBe("rtl");
    await keepPicture(page, "right-to-left");
    await show(page, "assign");
    await page.getByLabel(/^User key/).fill("مستخدم");
    await page.getByLabel("Experiment").selectOption("climb");
    await page.getByRole("button", { name: "Look up" }).click();
    const found = page.getByRole("region", { name: "climb" });
    await found.waitFor();
    const said = (await found.textContent()) ?? "";
    const url = `${sluice.address}v1/experiments/climb/assignment?user=${encodeURIComponent("مستخدم")}`;
    const truth = (await (await fetch(url)).json()) as { variant: string; says: string[] };
    expect(said).toContain(truth.variant);
    for (const fact of truth.says) expect(said).toContain(fact);
    await keepPicture(page, "assign-found");
    await context.close();
  });

  it("tell ages by the server's clock, whatever the viewer's says", async () => {
    const { page, context } = await openPage(browser);
    await context.addInitScript(
      "{ const real = Date.now.bind(Date); Date.now = () => real() + 3_600_000; }",
    );
    await show(page, "system");
    const upFor = page.locator(".stat", { hasText: "Up for" }).locator("dd");
    expect(await upFor.textContent()).toMatch(/^\d+ (?:s|min(?: \d+ s)?)$/);
    await show(page, "rollout/climb");
    await page.getByText(/left of 1 h/).waitFor();
    await keepPicture(page, "clock-skewed");
    await context.close();
  });

  it("roll back by keyboard alone", async () => {
    const { page, context } = await openPage(browser);
    await show(page, "rollout/climb");
    const focused = () =>
      page.evaluate<string>("document.activeElement?.textContent?.trim() ?? ''");
    for (let tabs = 0; (await focused()) !== "Roll back" && tabs < 40; tabs += 1) {
      await page.keyboard.press("Tab");
    }
    expect(await focused()).toBe("Roll back");
    await page.keyboard.press("Enter");
    const dialog = page.getByRole("dialog", { name: "Roll back: climb?" });
    await dialog.waitFor();
    expect(await dialog.textContent()).toMatch(
      /About \d+ users who have compact now get full again at once\. Streams in flight finish\./,
    );
    await keepPicture(page, "rollback-dialog");
    // Escape changes nothing, and the focus is back where it was.
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
    await expect.poll(focused).toBe("Roll back");
    await page.keyboard.press("Enter");
    await dialog.waitFor();
    await page.keyboard.type("enough seen");
    await page.keyboard.press("Enter");
    await dialog.waitFor({ state: "detached" });
    const stand = page.getByRole("region", { name: "How it stands" });
    await stand.getByText("enough seen").waitFor();
    expect(
      sluice
        .sluice()
        .rollouts()
        .find(({ experiment }) => experiment === "climb")?.phase,
    ).toBe("rolled_back");
    await context.close();
  });

  it("start by force only what speaks against itself", async () => {
    const { page, context } = await openPage(browser);
    await show(page, "rollout/not_begun");
    await page.getByRole("button", { name: "Start", exact: true }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("the treatment has no healthy endpoint").waitFor();
    await dialog.getByRole("button", { name: "Start" }).click();
    await dialog.getByText(/Mend what speaks against it/).waitFor();
    expect(await page.getByText("not started", { exact: true }).count()).toBe(1);
    await keepPicture(page, "start-by-force");
    await dialog.getByLabel("Start all the same (force)").check();
    await dialog.getByRole("button", { name: "Start" }).click();
    await page.getByText("climbing", { exact: true }).waitFor();
    await context.close();
  });

  it("silence an alert, show its end, and end it", async () => {
    const { page, context } = await openPage(browser);
    await show(page, "alerts");
    await page.getByRole("button", { name: "Silence upstream_unhealthy/-/gone" }).click();
    const dialog = page.getByRole("dialog", { name: "Silence alerts" });
    await dialog.getByRole("combobox", { name: "For", exact: true }).selectOption("4 hours");
    await dialog.getByLabel(/Reason/).fill(arabic);
    await dialog.getByRole("button", { name: "Silence" }).click();
    const silences = page.getByRole("region", { name: "Silences" }).first();
    await silences.getByText("upstream unhealthy of gone").first().waitFor();
    await silences.getByText("in 3 h 59 min").waitFor();
    await keepPicture(page, "alerts-silenced");
    await silences.getByRole("button", { name: /^End/ }).click();
    await page.getByRole("dialog").getByRole("button", { name: "End it" }).click();
    await page.getByText("Nothing is silenced.").waitFor();
    expect(await silences.getByRole("button").count()).toBe(0);
    await context.close();
  });

  it("agree with /v1 and /metrics to the last request, at rest after a burst", async () => {
    const { page, context } = await openPage(browser, { viewport: { width: 1800, height: 900 } });
    const failing = new Set(["user-3", "user-7"]);
    fresh.respond((request, response) => {
      if (failing.has(String(request.headers["x-user-id"]))) response.statusCode = 500;
      response.end("{}");
    });
    await show(page, "experiment/ab");
    await burst(`${sluice.dataUrl}/ab`, 500, 90);
    const rows = page.getByRole("table", { name: "The variants of ab now" });
    const shown = async (variant: string, column: number) => {
      const cell = rows.getByRole("row", { name: variant }).locator("td").nth(column);
      return Number(await cell.locator("[title]").first().getAttribute("title"));
    };
    const total = async () => (await shown("full", 4)) + (await shown("compact", 4));
    await expect.poll(total).toBe(620);
    const status = (await (await fetch(`${sluice.address}v1/status`)).json()) as {
      experiments: {
        key: string;
        variants: {
          key: string;
          requests: number;
          users: number;
          configured_share: number;
          observed_share: number;
          outcomes: { success: number };
          latency_ms: { p95: number };
        }[];
      }[];
    };
    const metrics = await (await fetch(`${sluice.address}metrics`)).text();
    const variants = status.experiments.find(({ key }) => key === "ab")?.variants ?? [];
    expect(variants.length).toBe(2);
    for (const variant of variants) {
      const { key, requests, outcomes } = variant;
      expect(await shown(key, 1)).toBe(variant.configured_share);
      expect(await shown(key, 2)).toBe(variant.observed_share);
      expect(await shown(key, 4)).toBe(requests);
      expect(await shown(key, 5)).toBe(variant.users);
      expect(await shown(key, 7)).toBe(outcomes.success / requests);
      expect(await shown(key, 9)).toBe(variant.latency_ms.p95);
      const counted = countOf(metrics, "http_server_request_duration_seconds", key);
      expect(counted.requests).toBe(requests);
      expect(counted.failed).toBe(requests - outcomes.success);
      const p95Seconds = variant.latency_ms.p95 / 1000;
      // The 95th percentile lies in the bucket that holds the request of that rank.
      const rank = Math.ceil(requests * 0.95);
      const bucket = counted.buckets.find(({ count }) => count >= rank);
      const before = counted.buckets.findLast(({ count }) => count < rank);
      expect(p95Seconds).toBeLessThanOrEqual((bucket?.le ?? 0) * 1.002);
      expect(p95Seconds).toBeGreaterThanOrEqual((before?.le ?? 0) * 0.998);
    }
    const observed = variants.map(({ observed_share: share }) => share);
    expect(observed.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 9);
    fresh.respond((_, response) => void response.end("{}"));
    await context.close();
  });

  it(
    "stay readable with 50 experiments, a single variant and very long names",
    { timeout: longMs },
    async () => {
      const name = (at: number) => (at === 0 ? "n".repeat(64) : `experiment_${at}`);
      const variant = "v".repeat(64);
      const many = Array.from(
        { length: 50 },
        (_, at) =>
          `  ${name(at)}: { variants: { ${
            at === 1
              ? "only: { upstream: old, control: true }, idle: { upstream: new, weight: 0 }"
              : `${at === 0 ? variant : "full"}: { upstream: old, control: true }, compact: { upstream: new }`
          } }${at < 10 ? "" : ", state: draft"} }`,
      );
      const crowd = await startDashboard(
        built,
        `
upstreams: { old: { url: "${old.url}" }, new: { url: "${fresh.url}" } }
routes:
  - { match: "POST /long", experiment: ${name(0)} }
  - { match: "POST /one", experiment: ${name(1)} }
  - { match: "GET /other", upstream: old }
experiments:
${many.join("\n")}
`,
      );
      try {
        await burst(`${crowd.dataUrl}/long`, 40, 20);
        await burst(`${crowd.dataUrl}/one`, 20, 20);
        const { page, context, complaints } = await openPage(browser);
        await show(page, "", crowd.address);
        await expect.poll(() => page.getByRole("article").count()).toBe(50);
        await keepPicture(page, "fifty-experiments");
        await page.getByLabel("Filter the experiments by name").fill("experiment_1");
        await page.getByText("11 of 50").waitFor();
        for (const [width, height] of [
          [1280, 720],
          [360, 780],
        ] as const) {
          await page.setViewportSize({ width, height });
          for (const [picture, path] of [
            ["long-names", `experiment/${name(0)}`],
            ["single-variant", `experiment/${name(1)}`],
            ["long-names-reports", "reports"],
          ] as const) {
            await show(page, path, crowd.address);
            await keepPicture(page, `${picture}-${width}`);
            expect([picture, await sidewaysOverflow(page)]).toEqual([picture, 0]);
          }
        }
        expect(complaints).toEqual([]);
        await context.close();
      } finally {
        await crowd.stop();
      }
    },
  );

  it("let a viewer look and nothing else, and keep tokens out of addresses, storage and the log", async () => {
    const guarded = await startDashboard(
      built,
      config(old.url, fresh.url),
      ', token: "operator-secret", viewer_token: "viewer-secret"',
    );
    try {
      const { page, context, asked, complaints } = await openPage(browser);
      await page.goto(`${guarded.address}#/rollout/climb`);
      await page.getByLabel("Token").fill("viewer-secret");
      await keepPicture(page, "login");
      await page.getByRole("button", { name: "Log in" }).click();
      await page.getByText("read-only", { exact: true }).waitFor();
      const start = page.getByRole("button", { name: "Start", exact: true });
      expect(await start.getAttribute("aria-disabled")).toBe("true");
      expect(await start.getAttribute("title")).toBe("You may look, but not change anything.");
      await start.click({ force: true });
      expect(await page.getByRole("dialog").count()).toBe(0);
      await keepPicture(page, "viewer");
      // Whoever goes round the page is refused by the server.
      const refused = await fetch(`${guarded.address}v1/rollouts/climb`, {
        method: "POST",
        headers: { "content-type": "application/json", authorization: "Bearer viewer-secret" },
        body: JSON.stringify({ command: "start" }),
      });
      expect(refused.status).toBe(403);
      await page.goto(`${guarded.address}#/reports`);
      const [download] = await Promise.all([
        page.waitForEvent("download"),
        page.getByRole("button", { name: "Download Markdown" }).click(),
      ]);
      expect(download.url()).not.toContain("secret");
      expect(asked.filter((address) => address.includes("secret"))).toEqual([]);
      expect(asked.some((address) => address.startsWith("ws:"))).toBe(true);
      const kept = await page.evaluate<string>(
        "JSON.stringify([{ ...localStorage }, document.cookie, location.href])",
      );
      expect(kept).not.toContain("secret");
      expect(await page.evaluate<string>("JSON.stringify({ ...sessionStorage })")).toContain(
        "viewer-secret",
      );
      await page.getByRole("button", { name: "Log out" }).click();
      await page.getByLabel("Token").waitFor();
      expect(await page.evaluate<number>("sessionStorage.length")).toBe(0);
      expect(guarded.log.filter((line) => line.includes("-secret"))).toEqual([]);
      expect(guarded.log.length).toBeGreaterThan(0);
      expect(complaints).toEqual([]);
      await context.close();
    } finally {
      await guarded.stop();
    }
  });
});

/** In the browser. */
function directionOf(element: unknown): string {
  const browser = globalThis as unknown as {
    getComputedStyle(element: unknown): { direction: string };
  };
  return browser.getComputedStyle(element).direction;
}

type Counted = {
  readonly requests: number;
  readonly failed: number;
  readonly buckets: readonly { readonly le: number; readonly count: number }[];
};

/** A histogram of one variant of `ab`, its series added up. */
function countOf(metrics: string, name: string, variant: string): Counted {
  let requests = 0;
  let failed = 0;
  const buckets = new Map<number, number>();
  for (const line of metrics.split("\n")) {
    const [, series = "", labels = "", text = ""] = /^(\w+)\{(.*)\} (\S+)$/.exec(line) ?? [];
    const label = (key: string) => new RegExp(`(?:^|,)${key}="([^"]*)"`).exec(labels)?.[1];
    if (label("experiment") !== "ab" || label("variant") !== variant) continue;
    const value = Number(text);
    if (series === `${name}_count`) {
      requests += value;
      if ((label("status") ?? "").startsWith("5")) {
        failed += value;
      }
    }
    if (series === `${name}_bucket`) {
      const le = Number(label("le")?.replace("+Inf", "Infinity"));
      buckets.set(le, (buckets.get(le) ?? 0) + value);
    }
  }
  const sorted = [...buckets].toSorted(([one], [other]) => one - other);
  return { requests, failed, buckets: sorted.map(([le, count]) => ({ le, count })) };
}
