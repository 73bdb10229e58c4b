import type { JsonValue } from "../../core/experiment/policy.ts";
import type { Endpoint } from "../../core/traffic/policy.ts";
import type { RequestHead } from "../../core/traffic/head.ts";
import { mergePatch } from "../../core/traffic/transform.ts";
import type { ClientConnection } from "../client/client-connection.ts";
import { buildRequestHead } from "../exchange/heads.ts";
import { carriesJson } from "../exchange/intake.ts";
import { targetOf } from "../exchange/target.ts";
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
  const { forward } = client.peer;
  const { parser } = client;
  const host = parser.facts.host ?? endpoint.host;
  forward.host = host;
  forward.version = parser.minorVersion === 1 ? "1.1" : "1.0";
  forward.experiment = arm.experiment;
  forward.variant = arm.variant?.key ?? null;
  forward.edits = to.edits;
  forward.prefix = arm.prefix;
  const headText = buildRequestHead(
    { ...head, headers: copiedFields(head.headers, requestId) },
    endpoint.basePath + targetOf(arm, head.target),
    host,
    patched.length === 0 ? { kind: "none" } : { kind: "length", length: patched.length },
    false,
    forward,
  );
  return { method: head.method, headText, body: patched };
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
