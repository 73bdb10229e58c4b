import { readFileSync } from "node:fs";
import { unzipSync } from "fflate";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildPage } from "../dashboard/built-page.ts";
import { hasChromium, keepPicture, launchChromium, openPage } from "../support/browser.ts";
import { burst, startDashboard } from "../support/dashboard.ts";
import type { DashboardSluice } from "../support/dashboard.ts";
import { startUpstream } from "../support/upstream.ts";
import type { TestUpstream } from "../support/upstream.ts";

/** The dashboard against the whole running system, as a person uses it: nothing here is a mock. */

const isPossible = hasChromium();
const journeyMs = 90_000;

describe.skipIf(!isPossible)("the dashboard (needs chromium)", () => {
  let built: Awaited<ReturnType<typeof buildPage>>;
  let browser: Browser;
  let old: TestUpstream;
  let fresh: TestUpstream;
  let sluice: DashboardSluice;

  beforeAll(async () => {
    built = await buildPage();
    browser = await launchChromium();
    [old, fresh] = await Promise.all([startUpstream("old"), startUpstream("new")]);
    sluice = await startDashboard(
      built,
      `
upstreams: { old: { url: "${old.url}" }, new: { url: "${fresh.url}" } }
routes: [ { match: "GET /other", upstream: old } ]
`,
    );
  });
  afterAll(async () => {
    await browser.close();
    await sluice.stop();
    await Promise.all([old.close(), fresh.close()]);
    built.remove();
  });

  it(
    "creates an experiment, starts it, shows its traffic, its rollback and why, and remembers all after a restart",
    { timeout: journeyMs },
    async () => {
      const { page, context, complaints } = await openPage(browser);
      await page.goto(sluice.address);
      await page.getByText("Nothing is being compared.").waitFor();
      await keepPicture(page, "empty-overview");

      // Create.
      await page.getByRole("link", { name: "New experiment" }).first().click();
      await page.getByLabel("Kind").selectOption("rollout");
      await page.getByLabel("Name", { exact: true }).fill("new_model");
      await page.getByLabel(/^Route 1/).fill("POST ask");
      await page.getByText("a pattern starts with /").waitFor();
      await page.getByLabel(/^Route 1/).fill("POST /ask");
      await page.getByLabel("Name of variant 1").fill("full");
      await page.getByLabel("Name of variant 2").fill("compact");
      await page.getByLabel("Share of step 1").fill("500%");
      const wrong = page.getByText(/expected a share such as/);
      await wrong.waitFor();
      expect(await page.getByLabel("Share of step 1").getAttribute("aria-invalid")).toBe("true");
      await keepPicture(page, "new-experiment-invalid");
      await page.getByLabel("Share of step 1").fill("20%");
      await wrong.waitFor({ state: "detached" });
      await page
        .getByRole("region", { name: "YAML of the entry" })
        .getByText("new_model")
        .waitFor();
      await keepPicture(page, "new-experiment");
      await page.getByRole("button", { name: "Create" }).click();

      // Start.
      await page.getByRole("heading", { level: 1, name: "new_model" }).waitFor();
      expect(page.url()).toBe(`${sluice.address}#/rollout/new_model`);
      await page.getByText("not started", { exact: true }).waitFor();
      await page.getByRole("button", { name: "Start", exact: true }).click();
      const start = page.getByRole("dialog", { name: "Start: new_model?" });
      await start.getByText("compact goes from 0 % to 20 % of users").waitFor();
      await start.getByText("no traffic was seen").waitFor();
      await keepPicture(page, "rollout-start-dialog");
      await start.getByLabel(/Reason/).fill("the smaller model is cheaper");
      await start.getByRole("button", { name: "Start" }).click();
      await page.getByText("climbing", { exact: true }).waitFor();

      // Live numbers move.
      await burst(`${sluice.dataUrl}/ask`, 600, 200);
      const requests = page.locator(".stat", { hasText: "Requests in this step" }).locator("dd");
      await expect
        .poll(async () => Number((await requests.textContent())?.replace(",", "")))
        .toBeGreaterThan(50);
      await keepPicture(page, "rollout-climbing");

      // A fault, and the rollback with its reason.
      fresh.respond((_, response) => {
        response.statusCode = 500;
        response.end("broken");
      });
      await burst(`${sluice.dataUrl}/ask`, 400, 200);
      const stand = page.getByRole("region", { name: "How it stands" });
      await stand.getByText("rolled back", { exact: true }).waitFor();
      await stand.getByText("Rolled back: nobody has compact any more.").waitFor();
      const reason = (await stand.locator(".summary").textContent()) ?? "";
      expect(reason).toMatch(/error rate|error_rate|%/);
      await keepPicture(page, "rollout-rolled-back");

      // Acknowledge.
      await page.getByRole("link", { name: /Alerts/ }).click();
      await page.getByText(`new_model was rolled back: ${reason}`).first().waitFor();
      await page.getByRole("button", { name: "Acknowledge rollback/new_model" }).click();
      await page.getByText("acknowledged by").first().waitFor();
      await keepPicture(page, "alerts-acknowledged");

      // Restart: the page notices, comes back by itself, and history is there.
      await sluice.halt();
      await page.getByText("Everything below is as of").waitFor();
      await keepPicture(page, "lost-connection");
      await sluice.resume();
      await page.getByText("Live", { exact: true }).waitFor();
      await page.goto(`${sluice.address}#/rollout/new_model`);
      await page.getByText("rolled back", { exact: true }).first().waitFor();
      const journal = page.getByRole("list", { name: "Journal of new_model" });
      await journal.getByText(reason).first().waitFor();
      await journal.getByText("step 1, of 3, share 20 %").waitFor();
      expect(await page.getByRole("list", { name: /Journal/ }).count()).toBe(1);
      // Nothing is judged any more: what is shown was kept.
      const treatment = page.getByRole("figure", { name: "Error rate over time" });
      await treatment.getByRole("button", { name: /^limit/ }).waitFor();
      await treatment.getByRole("button", { name: /Table/ }).click();
      await expect.poll(() => treatment.locator("tbody tr").count()).toBeGreaterThan(0);
      await keepPicture(page, "rollout-after-restart");

      // A report of it.
      await page.getByRole("link", { name: "Report", exact: true }).click();
      await page.getByRole("heading", { level: 1, name: "Reports" }).waitFor();
      const downloaded = async (format: string, extension: string): Promise<Buffer> => {
        const [download] = await Promise.all([
          page.waitForEvent("download"),
          page.getByRole("button", { name: `Download ${format}` }).click(),
        ]);
        expect(download.suggestedFilename()).toMatch(
          new RegExp(`^sluice-new_model-\\d{8}T\\d{4}\\.${extension}$`),
        );
        return readFileSync(await download.path());
      };
      const report = JSON.parse((await downloaded("JSON", "json")).toString()) as {
        facts: { experiment: string; rollout: { phase: string } };
      };
      expect(report.facts.experiment).toBe("new_model");
      expect(report.facts.rollout.phase).toBe("rolled_back");
      expect((await downloaded("HTML", "html")).toString()).toContain("<h1>new_model</h1>");
      expect((await downloaded("PDF", "pdf")).subarray(0, 5).toString()).toBe("%PDF-");
      expect(Object.keys(unzipSync(await downloaded("CSV", "zip")))).toEqual([
        "summary.csv",
        "time_series.csv",
        "histogram.csv",
      ]);
      expect(complaints.filter((text) => !text.includes("WebSocket connection"))).toEqual([]);
      await context.close();
    },
  );
});
