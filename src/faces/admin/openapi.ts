import { z } from "zod";
import {
  configAnswerSchema,
  configProblemSchema,
  healthSchema,
  issueSchema,
  problemSchema,
  readinessSchema,
  rolloutCommandSchema,
  rolloutSchema,
  rolloutsSchema,
  statusSchema,
} from "../../wire/admin-api.ts";
import { alertCommandSchema, alertsSchema } from "../../wire/alerts-api.ts";
import { liveDocumentSchema, liveFrameSchema, livePatchSchema } from "../../wire/live.ts";
import { metricsReportSchema, metricsTakenSchema } from "../../wire/metrics-api.ts";
import {
  experimentCommandSchema,
  experimentLifecycleSchema,
  experimentsSchema,
  newExperimentSchema,
} from "../../wire/experiments-api.ts";

type JsonObject = { readonly [key: string]: unknown };

const schemas = {
  Health: healthSchema,
  Readiness: readinessSchema,
  Status: statusSchema,
  Issue: issueSchema,
  Problem: problemSchema,
  ConfigProblem: configProblemSchema,
  ConfigAnswer: configAnswerSchema,
  Rollout: rolloutSchema,
  Rollouts: rolloutsSchema,
  RolloutCommand: rolloutCommandSchema,
  Experiment: experimentLifecycleSchema,
  Experiments: experimentsSchema,
  ExperimentCommand: experimentCommandSchema,
  NewExperiment: newExperimentSchema,
  Alerts: alertsSchema,
  AlertCommand: alertCommandSchema,
  MetricsReport: metricsReportSchema,
  MetricsTaken: metricsTakenSchema,
  LiveFrame: liveFrameSchema,
  LivePatch: livePatchSchema,
  LiveDocument: liveDocumentSchema,
} as const;

const experimentParameter = {
  name: "experiment",
  in: "path",
  required: true,
  schema: { type: "string" },
} as const;

/** The OpenAPI 3.1 document of the admin port. */
export function describeApi(version: string): JsonObject {
  return {
    openapi: "3.1.0",
    info: {
      title: "Sluice admin API",
      version,
      description: "Errors are RFC 9457 problem documents with a stable `code`.",
    },
    paths: describePaths(),
    components: {
      schemas: describeSchemas(),
      securitySchemes: {
        token: {
          type: "http",
          scheme: "bearer",
          description: "admin.token; not needed where none is configured",
        },
      },
    },
    security: [{ token: [] }],
  };
}

function describeSchemas(): JsonObject {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(schemas)) registry.add(schema, { id });
  const described = z.toJSONSchema(registry, { uri: (id) => `#/components/schemas/${id}` });
  const own = new Set(["$schema", "$id"]);
  return Object.fromEntries(
    Object.entries(described.schemas).map(([name, schema]) => {
      const fields = Object.entries(schema).filter(([field]) => !own.has(field));
      return [name, Object.fromEntries(fields)];
    }),
  );
}

function describePaths(): JsonObject {
  const denied = {
    "401": problemOf("No token, or a wrong one"),
    "403": problemOf("Without a configured token: a foreign Host, or a request from another site"),
    "429": {
      ...problemOf("Too many wrong tokens from this address"),
      headers: { "Retry-After": { schema: { type: "integer" }, description: "Seconds" } },
    },
  };
  const etag = { ETag: { schema: { type: "string" } } };
  return {
    "/healthz": {
      get: {
        summary: "Whether the process is up",
        security: [],
        responses: { "200": json("Up", "Health") },
      },
    },
    "/readyz": {
      get: {
        summary: "Whether traffic may come: routing applied, listeners up, not draining",
        security: [],
        responses: { "200": json("Ready", "Readiness"), "503": json("Not ready", "Readiness") },
      },
    },
    "/metrics": {
      get: {
        summary: "Metrics in Prometheus form",
        responses: { "200": text("Metrics", "text/plain"), ...denied },
      },
    },
    "/v1/status": {
      get: {
        summary: "Workers, endpoints and experiments as they stand",
        responses: { "200": json("Status", "Status"), ...denied },
      },
    },
    "/v1/rollouts": {
      get: {
        summary: "Rollouts with steps: phase, share, verdicts, journal",
        responses: { "200": json("Rollouts", "Rollouts"), ...denied },
      },
    },
    "/v1/rollouts/{experiment}": {
      get: {
        parameters: [experimentParameter],
        summary: "One rollout",
        responses: {
          "200": json("Rollout", "Rollout"),
          "404": problemOf("No such rollout"),
          ...denied,
        },
      },
      post: {
        parameters: [experimentParameter],
        summary: "Starts, pauses, resumes, promotes, rolls back or retries it",
        requestBody: {
          required: true,
          content: {
            "application/json": { schema: { $ref: "#/components/schemas/RolloutCommand" } },
          },
        },
        responses: {
          "200": json("The rollout after the command", "Rollout"),
          "400": problemOf("Not a command"),
          "404": problemOf("No such rollout"),
          "409": problemOf("Not possible in its present phase"),
          "413": problemOf("Body too large"),
          ...denied,
        },
      },
    },
    "/v1/experiments": {
      get: {
        summary: "A/B experiments: phase, run, analysis, journal",
        responses: { "200": json("Experiments", "Experiments"), ...denied },
      },
      post: {
        summary: "Adds an experiment to the configuration",
        requestBody: {
          required: true,
          content: { "application/json": { schema: reference("NewExperiment") } },
        },
        responses: {
          "200": json("The configuration has it", "ConfigAnswer"),
          "400": problemOf("Not an experiment"),
          "409": problemOf("There is one with this key already"),
          "412": problemOf("The configuration has changed meanwhile"),
          "413": problemOf("Body too large"),
          "422": {
            description: "The configuration would be invalid with it; nothing is changed",
            content: { "application/problem+json": { schema: reference("ConfigProblem") } },
          },
          "503": problemOf("Valid but not applied; the old configuration is at work"),
          ...denied,
        },
      },
    },
    "/v1/experiments/{experiment}": {
      get: {
        parameters: [experimentParameter],
        summary: "One A/B experiment",
        responses: {
          "200": json("Experiment", "Experiment"),
          "404": problemOf("No such experiment"),
          ...denied,
        },
      },
      post: {
        parameters: [experimentParameter],
        summary: "Starts, pauses, resumes, stops or archives it",
        requestBody: {
          required: true,
          content: { "application/json": { schema: reference("ExperimentCommand") } },
        },
        responses: {
          "200": json("The experiment after the command", "Experiment"),
          "400": problemOf("Not a command"),
          "404": problemOf("No such experiment"),
          "409": problemOf("Not possible in its present phase"),
          "413": problemOf("Body too large"),
          ...denied,
        },
      },
    },
    "/v1/alerts": {
      get: {
        summary: "Alerts, silences and the channels that tell of them",
        responses: { "200": json("Alerts", "Alerts"), ...denied },
      },
      post: {
        summary: "Acknowledges an alert, silences some, or ends a silence",
        requestBody: {
          required: true,
          content: { "application/json": { schema: reference("AlertCommand") } },
        },
        responses: {
          "200": json("Alerts after the command", "Alerts"),
          "400": problemOf("Not a command"),
          "409": problemOf("No such alert or silence"),
          "413": problemOf("Body too large"),
          ...denied,
        },
      },
    },
    "/v1/metrics": {
      post: {
        summary: "Counts metrics of one's own for finished requests",
        requestBody: {
          required: true,
          content: { "application/json": { schema: reference("MetricsReport") } },
        },
        responses: {
          "200": json("How many were counted, and which were not", "MetricsTaken"),
          "400": problemOf("Not a report of metrics"),
          "413": problemOf("Body too large"),
          ...denied,
        },
      },
    },
    "/v1/live": {
      get: {
        summary: "WebSocket: the document of all the others, kept up to date",
        description:
          "Opened as subprotocol sluice.live.v1. Every message is a LiveFrame: a snapshot with the whole LiveDocument, then deltas, one at least every 5 seconds. Applying each delta's patch to the document before gives the server's exactly: remove what is in `remove`, put what is in `set`, do the same inside each of `within`. After skipped deltas, because the listener read too slowly, comes another snapshot. A browser sends the token as a further subprotocol, sluice.token.BASE64URL; it is never part of the address. A page of another site is refused. Closed with 1001 when the server ends, 1009 after a message of more than 1 KiB, 1013 when the listener reads too slowly, 4401 when the token has changed.",
        parameters: [
          {
            name: "stream",
            in: "query",
            description: "Of the last snapshot, to go on from there; only together with after",
            schema: { type: "string", maxLength: 100 },
          },
          {
            name: "after",
            in: "query",
            description: "The last sequence number seen; deltas follow if they are still known",
            schema: { type: "integer", minimum: 0 },
          },
        ],
        responses: {
          "101": { description: "The WebSocket is open" },
          "400": problemOf("Not a query"),
          "426": problemOf("Not a request to open a WebSocket, or not of version 13"),
          "503": problemOf("There are 64 listeners already, or Sluice shuts down"),
          ...denied,
        },
      },
    },
    "/v1/openapi.json": {
      get: {
        summary: "This document",
        responses: {
          "200": {
            description: "OpenAPI 3.1",
            content: { "application/json": { schema: { type: "object" } } },
          },
          ...denied,
        },
      },
    },
    "/v1/config": {
      get: {
        summary: "The running configuration as loaded, secrets redacted",
        description: "Sent back, a redacted secret stands for the one in force.",
        responses: {
          "200": { ...text("Configuration", "application/yaml"), headers: etag },
          ...denied,
        },
      },
      post: {
        summary: "Replaces the configuration as a whole",
        parameters: [
          {
            name: "If-Match",
            in: "header",
            required: true,
            description: "The ETag of the configuration to replace, or *",
            schema: { type: "string" },
          },
          {
            name: "dry_run",
            in: "query",
            description: "Check and plan, apply nothing",
            schema: { type: "boolean", default: false },
          },
        ],
        requestBody: {
          required: true,
          description: "YAML or JSON, at most 1 MiB",
          content: { "application/yaml": { schema: { type: "string" } } },
        },
        responses: {
          "200": { ...json("Applied, unchanged or planned", "ConfigAnswer"), headers: etag },
          "400": problemOf("Not UTF-8, or an invalid query"),
          "412": { ...problemOf("The configuration has changed meanwhile"), headers: etag },
          "413": problemOf("Larger than 1 MiB"),
          "422": {
            description: "Invalid, or no possible step from what runs; nothing is changed",
            content: { "application/problem+json": { schema: reference("ConfigProblem") } },
          },
          "428": problemOf("If-Match is missing"),
          "503": problemOf("Valid but not applied; the old configuration is at work"),
          ...denied,
        },
      },
    },
  };
}

function json(description: string, schema: keyof typeof schemas): JsonObject {
  return { description, content: { "application/json": { schema: reference(schema) } } };
}

function text(description: string, type: string): JsonObject {
  return { description, content: { [type]: { schema: { type: "string" } } } };
}

function problemOf(description: string): JsonObject {
  return {
    description,
    content: { "application/problem+json": { schema: reference("Problem") } },
  };
}

function reference(schema: keyof typeof schemas): JsonObject {
  return { $ref: `#/components/schemas/${schema}` };
}
