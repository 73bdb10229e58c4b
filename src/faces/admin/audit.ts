import type { Admission, Denial } from "./guard.ts";
import { addressOf, type AdminContext } from "./problem.ts";

/** Who changed something through the admin port. */
export type AdminChange = {
  /** Who says so: a name that was given, else what the proof or the address says. */
  readonly actor: string;
  readonly method: string;
  readonly path: string;
  readonly role: Admission["role"];
  /** What let it in, such as `certificate ann`; never a token. */
  readonly proof: string;
  readonly address: string;
};

/** A request that was not let in. */
export type DeniedRequest = {
  readonly code: Denial["code"];
  readonly address: string;
  readonly path: string;
};

const pathLengthMax = 300;

/** Reports about finished requests, which come by the thousand and steer nothing. */
const reportPath = "/v1/metrics";

/** The change that a request made; null where it made none. */
export function changeOf(context: AdminContext, claimed: string | undefined): AdminChange | null {
  const { method, path } = context.req;
  if (method === "GET" || method === "HEAD" || path === reportPath || !context.res.ok) return null;
  if (context.req.query("dry_run") === "true") return null;
  const admission = context.get("admission");
  return {
    actor: claimed ?? actorOf(context),
    method,
    path: path.slice(0, pathLengthMax),
    role: admission.role,
    proof: describeProof(admission),
    address: addressOf(context),
  };
}

/** Who acts where nobody says so: the first name of the client certificate, else the address. */
export function actorOf(context: AdminContext): string {
  const { proof } = context.get("admission");
  const name = proof.kind === "certificate" ? proof.names[0] : undefined;
  return name?.slice(0, 100) ?? addressOf(context);
}

function describeProof({ proof }: Admission): string {
  return proof.kind === "certificate"
    ? `certificate ${(proof.names[0] ?? "without a name").slice(0, 256)}`
    : proof.kind;
}
