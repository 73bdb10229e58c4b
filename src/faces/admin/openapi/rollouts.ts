import { denied, experimentParameter, json, problemOf } from "./parts.ts";

/** Rollouts with steps. */
export const rolloutsPaths = {
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
} as const;
