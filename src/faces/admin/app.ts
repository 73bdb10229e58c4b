import { Hono } from "hono";
import type { Clock } from "../../base/clock.ts";
import { changeOf } from "./audit.ts";
import { commandAlerts } from "./alert-command.ts";
import { replaceConfig } from "./config-change.ts";
import { commandExperiment, createExperiment, showExperiment } from "./experiment-command.ts";
import { showAssignment, showComparison, showConfigSchema } from "./experiment-views.ts";
import type { FailedTries } from "./failed-tries.ts";
import { showPast } from "./past.ts";
import { showJournal } from "./journal.ts";
import { admit } from "./guard.ts";
import type { AdminLimits } from "./limits.ts";
import { certificateOf } from "./peer-certificate.ts";
import { takeMetrics } from "./metrics-report.ts";
import { describeApi } from "./openapi.ts";
import { answerAbsence, answerFile } from "./page.ts";
import type { Page } from "./page-files.ts";
import { addressOf, answerProblem, safetyHeaders } from "./problem.ts";
import type { AdminEnvironment } from "./problem.ts";
import { createReportHandler } from "./report.ts";
import { commandRollout, showRollout } from "./rollout-command.ts";
import { redactSecrets } from "./redaction.ts";
import type { AdminSources } from "./sources.ts";
import type { Session } from "../../wire/system-api.ts";

/** The route that a path with a name in it belongs to. */
function patternOf(path: string): string {
  return path.replace(/^(\/v1\/(?:rollouts|experiments))\/[^/]+/, "$1/:experiment");
}

/** The admin API as a function from request to response. */
export function createAdminApp(
  sources: AdminSources,
  limits: AdminLimits,
  tries: FailedTries,
  clock: Clock,
  page: Page,
): Hono<AdminEnvironment> {
  const app = new Hono<AdminEnvironment>();
  const openApi = JSON.stringify(describeApi(sources.version));
  const isPublic = (path: string) => path === "/" || page.files.has(path);

  app.use(async (context, next) => {
    const request = {
      method: context.req.method,
      path: context.req.path,
      address: addressOf(context),
      certificate: certificateOf(context.env.incoming.socket, sources.access()),
      header: (name: string) => context.req.header(name),
    };
    const admitted = admit(request, sources.access(), tries, clock.monotonicMs(), isPublic);
    if (admitted.ok) {
      context.set("admission", admitted.value);
      await next();
      const change = changeOf(context, context.get("actor"));
      if (change !== null) sources.changed(change);
    } else {
      const { code, status, title, detail, headers } = admitted.error;
      sources.denied({ code, address: request.address, path: request.path.slice(0, 300) });
      context.res = answerProblem(code, status, title, detail, headers);
    }
    const { headers } = context.res;
    for (const [name, value] of Object.entries(safetyHeaders)) {
      if (!headers.has(name)) headers.set(name, value);
    }
  });

  for (const [path, file] of page.files) {
    app.get(path, (context) => answerFile(file, (name) => context.req.header(name)));
  }
  if (page.absence !== null) app.get("/", () => answerAbsence(page));

  app.get("/healthz", (context) => context.json({ status: "ok" }));
  app.get("/readyz", (context) => {
    const readiness = sources.readiness();
    return context.json(readiness, readiness.ready ? 200 : 503);
  });
  app.get("/metrics", async (context) => {
    const { contentType, body } = await sources.metrics(context.req.header("accept"));
    return context.body(body, 200, { "content-type": contentType });
  });
  app.get("/v1/status", (context) => context.json(sources.status()));
  app.get("/v1/system", (context) => context.json(sources.system()));
  app.get("/v1/session", (context) => {
    const session: Session = {
      role: context.get("admission").role,
      authentication: context.get("admission").proof.kind,
      version: sources.version,
    };
    return context.json(session);
  });
  app.get("/v1/openapi.json", (context) =>
    context.body(openApi, 200, { "content-type": "application/json" }),
  );
  app.get("/v1/config", (context) => {
    const { text, etag } = sources.reloader.state();
    const headers = { "content-type": "application/yaml; charset=utf-8", etag };
    return context.body(redactSecrets(text), 200, headers);
  });
  app.get("/v1/config/schema", showConfigSchema);
  app.post("/v1/config", (context) => replaceConfig(context, sources, limits.bodyBytesMax));

  app.get("/v1/rollouts", (context) => context.json({ rollouts: sources.rollouts.list() }));
  app.get("/v1/rollouts/:experiment", (context) => showRollout(context, sources));
  app.post("/v1/rollouts/:experiment", (context) =>
    commandRollout(context, sources, limits.bodyBytesMax),
  );

  app.get("/v1/rollouts/:experiment/verdicts", (context) =>
    showPast(context, sources, clock, "verdicts"),
  );

  app.get("/v1/experiments", (context) =>
    context.json({ experiments: sources.experiments.list() }),
  );
  app.post("/v1/experiments", (context) => createExperiment(context, sources, limits.bodyBytesMax));
  app.get("/v1/experiments/:experiment", (context) => showExperiment(context, sources));
  app.post("/v1/experiments/:experiment", (context) =>
    commandExperiment(context, sources, limits.bodyBytesMax),
  );
  app.get("/v1/experiments/:experiment/comparison", (context) => showComparison(context, sources));
  app.get("/v1/experiments/:experiment/assignment", (context) => showAssignment(context, sources));

  const answerReport = createReportHandler(sources, limits.reportsMax);
  app.get("/v1/experiments/:experiment/report", (context) => answerReport(context));
  app.get("/v1/experiments/:experiment/history", (context) =>
    showPast(context, sources, clock, "history"),
  );
  app.get("/v1/experiments/:experiment/breakdown", (context) =>
    showPast(context, sources, clock, "breakdown"),
  );
  app.get("/v1/journal", (context) => showJournal(context, sources));

  app.get("/v1/alerts", (context) => context.json(sources.alerts.list()));
  app.post("/v1/alerts", (context) => commandAlerts(context, sources, limits.bodyBytesMax));

  app.post("/v1/metrics", (context) => takeMetrics(context, sources, limits.bodyBytesMax));

  // A request to upgrade does not come here.
  app.get("/v1/live", () => {
    const detail = "/v1/live is a WebSocket; open it as one.";
    return answerProblem("upgrade_required", 426, "Upgrade required", detail, {
      connection: "upgrade",
      upgrade: "websocket",
    });
  });

  const methods = new Map<string, string>();
  for (const { path, method } of app.routes) {
    if (method === "ALL") continue;
    const allowed = new Set((methods.get(path) ?? "").split(", ").filter((name) => name !== ""));
    allowed.add(method);
    if (method === "GET") allowed.add("HEAD");
    methods.set(path, [...allowed].join(", "));
  }
  app.notFound((context) => {
    const allow = methods.get(context.req.path) ?? methods.get(patternOf(context.req.path));
    if (allow === undefined) return answerProblem("not_found", 404, "No such resource", "");
    return answerProblem("method_not_allowed", 405, "Method not allowed", "", { allow });
  });
  app.onError((error) => {
    sources.fault(error);
    return answerProblem("internal", 500, "Internal error", "");
  });
  return app;
}
