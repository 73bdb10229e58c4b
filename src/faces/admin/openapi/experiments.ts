import { denied, experimentParameter, json, problemOf, reference } from "./parts.ts";

/** A/B experiments. */
export const experimentsPaths = {
  "/v1/experiments": {
    get: {
      summary: "A/B experiments: phase, run, analysis, journal",
      responses: { "200": json("Experiments", "Experiments"), ...denied },
    },
    post: {
      summary: "Adds an experiment to the configuration",
      parameters: [
        {
          name: "dry_run",
          in: "query",
          description:
            "Check and plan, change nothing; paths of issues are then those within the experiment",
          schema: { type: "boolean", default: false },
        },
      ],
      requestBody: {
        required: true,
        content: { "application/json": { schema: reference("NewExperiment") } },
      },
      responses: {
        "200": json("The configuration has it, or would", "ExperimentAdded"),
        "400": problemOf("Not an experiment, or an invalid query"),
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
  "/v1/experiments/{experiment}/comparison": {
    get: {
      parameters: [experimentParameter],
      summary: "Variants beside each other in the present epoch, and what that proves",
      responses: {
        "200": json("Comparison, of an A/B experiment or a rollout", "Comparison"),
        "404": problemOf("No such experiment"),
        ...denied,
      },
    },
  },
  "/v1/experiments/{experiment}/assignment": {
    get: {
      parameters: [
        experimentParameter,
        {
          name: "user",
          in: "query",
          required: true,
          description: "The key that requests are assigned by",
          schema: { type: "string", minLength: 1, maxLength: 2048 },
        },
      ],
      summary: "Which variant a user gets as it is routed now, and why",
      responses: {
        "200": json("Assignment", "UserAssignment"),
        "400": problemOf("Not a query"),
        "404": problemOf("No such experiment"),
        ...denied,
      },
    },
  },
} as const;
