import type { JsonValue } from "../../core/experiment/policy.ts";
import type { Endpoint } from "../../core/traffic/policy.ts";
import type { RequestHead } from "../../core/traffic/head.ts";
import { mergePatch } from "../../core/traffic/transform.ts";
import type { ClientConnection } from "../client/client-connection.ts";
import { buildRequestHead } from "../exchange/heads.ts";
import { carriesJson } from "../exchange/intake.ts";
import { targetOf } from "../exchange/target.ts";
import type { HeaderEdits } from "../../core/traffic/forward.ts";
import type { Arm } from "../routing.ts";
import type { CopyRequest } from "./copy-exchange.ts";
import type { CopyArm } from "./copy-plan.ts";

/**
 * The copy of a request that `client` sends or has just sent, as the receiving variant gets it, with the id of the
 * original. Null where the variant changes bodies and cannot change this one.
 */
export function copyRequest(
  client: ClientConnection,
  head: RequestHead,
  to: CopyArm,
  body: Buffer,
  endpoint: Endpoint,
  requestId: string,
): CopyRequest | null {
  const { arm } = to;
  const patched = patchedBody(head, body, arm.variant?.body ?? null);
  if (patched === null) return null;
  const headText = requestText(client, head, to, endpoint, requestId, patched.length);
  return { method: head.method, headText, body: patched };
}

function requestText(
  client: ClientConnection,
  head: RequestHead,
  { arm, edits }: Pick<CopyArm, "arm" | "edits">,
  endpoint: Pick<Endpoint, "host" | "basePath">,
  requestId: string,
  bodyBytes: number,
): string {
  const { forward } = client.peer;
  const { parser } = client;
  const host = parser.facts.host ?? endpoint.host;
  forward.host = host;
  forward.version = parser.minorVersion === 1 ? "1.1" : "1.0";
  forward.experiment = arm.experiment;
  forward.variant = arm.variant?.key ?? null;
  forward.edits = edits;
  forward.prefix = arm.prefix;
  return buildRequestHead(
    { ...head, headers: copiedFields(head.headers, requestId) },
    endpoint.basePath + targetOf(arm, head.target),
    host,
    bodyBytes === 0 ? { kind: "none" } : { kind: "length", length: bodyBytes },
    false,
    forward,
  );
}

/** The fields of a request as an arm gets it, flat, without what its framing says; Host is the client's. */
export function requestFields(
  client: ClientConnection,
  head: RequestHead,
  arm: Arm,
  edits: HeaderEdits,
  requestId: string,
): string[] {
  const host = arm.upstream.endpoints[0]?.endpoint.host ?? "";
  const endpoint = { host, basePath: "" };
  const [, ...lines] = requestText(client, head, { arm, edits }, endpoint, requestId, 0)
    .trimEnd()
    .split("\r\n");
  return lines.flatMap((line) => {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon);
    return name.toLowerCase() === "content-length" ? [] : [name, line.slice(colon + 1).trim()];
  });
}

/** The body goes at once and whole, so nothing is to be awaited; the copy has the id of its original. */
function copiedFields(headers: readonly string[], requestId: string): string[] {
  const kept: string[] = ["x-request-id", requestId];
  for (let at = 0; at < headers.length; at += 2) {
    const name = (headers[at] as string).toLowerCase();
    if (name === "expect" || name === "trailer") continue;
    kept.push(headers[at] as string, headers[at + 1] as string);
  }
  return kept;
}

function patchedBody(
  { headers }: RequestHead,
  body: Buffer,
  patch: { readonly [key: string]: JsonValue } | null,
): Buffer | null {
  if (patch === null || !carriesJson(headers)) return body;
  try {
    const json = JSON.parse(body.toString("utf8")) as JsonValue;
    return Buffer.from(JSON.stringify(mergePatch(json, patch)), "utf8");
  } catch {
    return null;
  }
}
