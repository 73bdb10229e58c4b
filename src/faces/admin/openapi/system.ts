import { denied, json, text } from "./parts.ts";

/** Probes, the status and this document. */
export const systemPaths = {
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
      summary: "Metrics in Prometheus form; as OpenMetrics, with exemplars, to those who accept it",
      responses: { "200": text("Metrics", "text/plain"), ...denied },
    },
  },
  "/v1/status": {
    get: {
      summary: "Workers, endpoints and experiments as they stand",
      responses: { "200": json("Status", "Status"), ...denied },
    },
  },
  "/v1/system": {
    get: {
      summary: "The process itself: processor, memory, event loop, connections, store",
      responses: { "200": json("System", "System"), ...denied },
    },
  },
  "/v1/session": {
    get: {
      summary: "Who is asking, and what that may do",
      responses: { "200": json("Session", "Session"), ...denied },
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
} as const;
