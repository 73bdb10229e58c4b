import { z } from "zod";
import { historyQuerySchema } from "../../../wire/history-api.ts";
import { journalQuerySchema } from "../../../wire/journal-api.ts";
import { denied, experimentParameter, json, problemOf } from "./parts.ts";

/** A query's parameters, from the schema that reads them. */
function parametersOf(schema: z.ZodObject) {
  const { properties = {}, required = [] } = z.toJSONSchema(schema, { io: "input" });
  return Object.entries(properties).map(([name, described]) => {
    const { description, ...rest } = described as { readonly description?: string };
    return { name, in: "query", required: required.includes(name), description, schema: rest };
  });
}

const badQuery = problemOf("A parameter is none, or the range is too wide");
const busy = {
  ...problemOf("Two ranges are being read, and eight wait"),
  headers: { "Retry-After": { schema: { type: "integer" }, description: "Seconds" } },
};
const range = parametersOf(historyQuerySchema);
const rangeOfTotals = range.filter(({ name }) => name !== "points");

/** What was. */
export const pastPaths = {
  "/v1/experiments/{experiment}/history": {
    get: {
      parameters: [experimentParameter, ...range],
      summary: "Its variants over time, as columns",
      description:
        "Of requests that users were answered; copies are left out. The range is the last hour unless told otherwise, cut to what there is, and told in the shortest stretches of which `points` make it up. Where a stretch is finer than what is still kept, longer ones are told.",
      responses: {
        "200": json("Columns", "History"),
        "400": badQuery,
        "404": problemOf("No such experiment"),
        "503": busy,
        ...denied,
      },
    },
  },
  "/v1/experiments/{experiment}/breakdown": {
    get: {
      parameters: [experimentParameter, ...rangeOfTotals],
      summary: "Its variants in a range: totals, percentiles, the distribution, routes",
      responses: {
        "200": json("Totals", "Breakdown"),
        "400": badQuery,
        "404": problemOf("No such experiment"),
        "503": busy,
        ...denied,
      },
    },
  },
  "/v1/rollouts/{experiment}/verdicts": {
    get: {
      parameters: [experimentParameter, ...range],
      summary: "What each guardrail said over time, the gravest of each stretch",
      responses: {
        "200": json("Verdicts", "VerdictHistory"),
        "400": badQuery,
        "404": problemOf("No such rollout"),
        "503": busy,
        ...denied,
      },
    },
  },
  "/v1/journal": {
    get: {
      parameters: parametersOf(journalQuerySchema),
      summary: "Who did what, when, and on which evidence; the newest first",
      responses: { "200": json("A page", "Journal"), "400": badQuery, ...denied },
    },
  },
} as const;
