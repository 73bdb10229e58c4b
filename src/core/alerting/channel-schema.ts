import { z } from "zod";
import {
  choice,
  closed,
  duration,
  flag,
  headerMap,
  list,
  name,
  reject,
  text,
} from "../config/fields.ts";
import { alertSeverities, type ChannelPolicy } from "./policy.ts";

/** How the channels of `alerts:` are written. */

export const channelLimits = { channelsMax: 32, headersMax: 32 } as const;

const shapes = ["generic", "slack", "alertmanager"] as const;
const defaultTimeoutMs = 10_000;
const targets = ["webhook", "jsonl", "log"] as const;
const webhookOnly = ["shape", "headers", "timeout"] as const;

const written = closed({
  webhook: text("a URL", 2048)
    .refine(isHttpUrl, "expected a URL such as https://hooks.example/alerts")
    .describe("told with POST")
    .optional(),
  jsonl: text("a path", 4096).describe("file that gets one line of JSON per notice").optional(),
  log: flag().describe("true: the log of Sluice").optional(),
  name: name().describe("default: webhook-1, jsonl-1, log-1 and so on").optional(),
  min_severity: choice(alertSeverities)
    .describe("less grave alerts are not told there; default info")
    .optional(),
  shape: choice(shapes).describe("of the webhook's body; default generic").optional(),
  headers: headerMap("headers", channelLimits.headersMax)
    .describe("of the webhook, such as authorization")
    .optional(),
  timeout: duration(100, 60_000).describe("of the webhook; default 10s").optional(),
});

type WrittenChannel = z.output<typeof written>;

const channel = written.transform((fields, context) => {
  // An unknown key may be a misspelt target: that is told already.
  if (context.issues.length > 0) return z.NEVER;
  const named = targets.filter((target) => (fields[target] ?? false) !== false);
  if (named.length !== 1) {
    return reject(context, "say exactly one of webhook: URL, jsonl: PATH and log: true");
  }
  for (const field of webhookOnly) {
    if (named[0] !== "webhook" && fields[field] !== undefined) {
      return reject(context, `${field} belongs to webhook`, [field]);
    }
  }
  const { name, min_severity: minSeverity = "info" } = fields;
  return { name, minSeverity, target: targetOf(fields) };
});

/** `channels:`; each gets a name of its own. */
export const alertChannelsSchema = list(channel, "channels", channelLimits.channelsMax).transform(
  (channels, context): readonly ChannelPolicy[] => {
    if (context.issues.length > 0) return z.NEVER;
    const counts = { webhook: 0, jsonl: 0, log: 0 };
    const names = new Set<string>();
    return channels.map(({ name: given, minSeverity, target }, at) => {
      counts[target.kind] += 1;
      const name = given ?? `${target.kind}-${counts[target.kind]}`;
      if (names.has(name)) {
        reject(context, `two channels are named ${name}: name this one otherwise`, [at]);
      }
      names.add(name);
      return { name, minSeverity, target };
    });
  },
);

function targetOf({
  webhook,
  jsonl,
  shape,
  headers,
  timeout,
}: WrittenChannel): ChannelPolicy["target"] {
  if (jsonl !== undefined) return { kind: "jsonl", path: jsonl };
  if (webhook === undefined) return { kind: "log" };
  return {
    kind: "webhook",
    url: webhook,
    shape: shape ?? "generic",
    headers: headers ?? {},
    timeoutMs: timeout ?? defaultTimeoutMs,
  };
}

function isHttpUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}
