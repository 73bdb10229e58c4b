import { z } from "zod";
import { alertsPaths } from "./openapi/alerts.ts";
import { configPaths } from "./openapi/config.ts";
import { experimentsPaths } from "./openapi/experiments.ts";
import { schemas, type JsonObject } from "./openapi/parts.ts";
import { pastPaths } from "./openapi/past.ts";
import { rolloutsPaths } from "./openapi/rollouts.ts";
import { systemPaths } from "./openapi/system.ts";
import { reportPaths } from "./openapi/report.ts";
import { telemetryPaths } from "./openapi/telemetry.ts";

/** The OpenAPI 3.1 document of the admin port. */
export function describeApi(version: string): JsonObject {
  return {
    openapi: "3.1.0",
    info: {
      title: "Sluice admin API",
      version,
      description: "Errors are RFC 9457 problem documents with a stable `code`.",
    },
    paths: {
      ...systemPaths,
      ...rolloutsPaths,
      ...experimentsPaths,
      ...alertsPaths,
      ...reportPaths,
      ...pastPaths,
      ...telemetryPaths,
      ...configPaths,
    },
    components: {
      schemas: describeSchemas(),
      securitySchemes: {
        token: {
          type: "http",
          scheme: "bearer",
          description:
            "admin.token, or admin.viewer_token, which may only GET; not needed where none is configured",
        },
        certificate: {
          type: "mutualTLS",
          description:
            "A client certificate of admin.tls.client_ca; those that admin.tls.operators does not name may only GET",
        },
      },
    },
    security: [{ token: [] }, { certificate: [] }],
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
