import { csvParts, reportFormats } from "../../../wire/report-api.ts";
import { denied, experimentParameter, problemOf } from "./parts.ts";

/** Reports. */
export const reportPaths = {
  "/v1/experiments/{experiment}/report": {
    get: {
      parameters: [
        experimentParameter,
        {
          name: "format",
          in: "query",
          description: "Where it is missing, what Accept asks for; json when that says nothing",
          schema: { type: "string", enum: reportFormats },
        },
        {
          name: "part",
          in: "query",
          description: "Of csv: one file instead of a zip of all",
          schema: { type: "string", enum: csvParts },
        },
        {
          name: "from",
          in: "query",
          description: "As long as the experiment ran, or an hour, where it is missing",
          schema: { type: "string", format: "date-time" },
        },
        {
          name: "to",
          in: "query",
          description: "Now, where it is missing",
          schema: { type: "string", format: "date-time" },
        },
        {
          name: "points",
          in: "query",
          description: "Stretches of history at the most",
          schema: { type: "integer", minimum: 10, maximum: 2000 },
        },
        {
          name: "insights",
          in: "query",
          description: "false asks no language model, where one is configured",
          schema: { type: "string", enum: ["true", "false"] },
        },
      ],
      summary: "What came of it, as a file: decision, evidence, what to do next",
      description: "`npx sluice report --schema` prints the JSON report's schema.",
      responses: {
        "200": {
          description: "The report, with a name in content-disposition",
          content: {
            "application/json": { schema: { type: "object" } },
            "application/zip": { schema: { type: "string", contentEncoding: "binary" } },
            "text/csv": { schema: { type: "string" } },
            "text/markdown": { schema: { type: "string" } },
            "text/html": { schema: { type: "string" } },
            "application/pdf": { schema: { type: "string", contentEncoding: "binary" } },
          },
        },
        "400": problemOf("Not a query for a report"),
        "404": problemOf("No such experiment"),
        "406": problemOf("Accept takes none of the formats"),
        "503": problemOf("Two reports are being made already"),
        ...denied,
      },
    },
  },
} as const;
