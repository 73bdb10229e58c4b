import type { Context } from "hono";
import type { HttpBindings } from "@hono/node-server";
import { problem } from "../../core/traffic/refusal.ts";

export type AdminContext = Context<{ Bindings: HttpBindings }>;

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
