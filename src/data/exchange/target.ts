import { normalisedPath } from "../../core/traffic/path.ts";
import { rewritePath } from "../../core/traffic/transform.ts";
import type { Arm } from "../routing.ts";

/** The request target as the arm's upstream gets it, without the endpoint's own prefix. */
export function targetOf({ variant, prefix }: Arm, target: string): string {
  const inner = prefix === "" ? target : withoutPrefix(target, prefix);
  const path = variant === null ? null : variant.path;
  return path === null ? inner : rewritePath(inner, path);
}

/** Cut from the path as routes compare it: as received, escapes and dot segments may hide where the prefix ends. */
function withoutPrefix(target: string, prefix: string): string {
  const rest = normalisedPath(target).slice(prefix.length);
  const question = target.indexOf("?");
  const query = question === -1 ? "" : target.slice(question);
  return rest === "" ? `/${query}` : rest + query;
}
