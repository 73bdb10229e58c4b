import type { Context } from "hono";
import type { HttpBindings } from "@hono/node-server";
import { problem } from "../../core/traffic/refusal.ts";
import type { Admission } from "./guard.ts";

export type AdminEnvironment = {
  Bindings: HttpBindings;
  /** Who asks. */
  Variables: {
    admission: Admission;
    /** Who acts, as the request's body has it. */
    actor?: string;
  };
};

export type AdminContext = Context<AdminEnvironment>;

/** On every answer that does not say otherwise: nothing here is to be cached, framed, guessed at or read by another site. */
export const safetyHeaders: Readonly<Record<string, string>> = {
  "cache-control": "no-store",
  "content-security-policy":
    "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
};

/** A problem document as a response. */
export function answerProblem(
  code: string,
  status: number,
  title: string,
  detail: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const { body, contentType } = problem(code, status, title, detail);
  return new Response(body, { status, headers: { ...headers, "content-type": contentType } });
}

/** The peer of the connection; the admin port believes no forwarding header. */
export function addressOf(context: AdminContext): string {
  return context.env.incoming.socket.remoteAddress ?? "";
}
