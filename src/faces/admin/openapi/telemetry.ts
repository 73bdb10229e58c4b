import { denied, json, problemOf, reference } from "./parts.ts";

/** Metrics of one's own, and the live document. */
export const telemetryPaths = {
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
} as const;
