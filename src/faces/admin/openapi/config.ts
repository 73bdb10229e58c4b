import { denied, json, problemOf, reference, text } from "./parts.ts";

const etag = { ETag: { schema: { type: "string" } } };

/** The configuration. */
export const configPaths = {
  "/v1/config/schema": {
    get: {
      summary: "The JSON Schema of the configuration, for forms and editors",
      responses: {
        "200": {
          description: "JSON Schema, draft 2020-12",
          content: { "application/schema+json": { schema: { type: "object" } } },
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
} as const;
