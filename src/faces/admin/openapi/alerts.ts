import { denied, json, problemOf, reference } from "./parts.ts";

/** Alerts and silences. */
export const alertsPaths = {
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
} as const;
