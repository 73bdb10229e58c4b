import { rewritePath } from "../../core/traffic/transform.ts";
import type { Arm } from "../routing.ts";

/** The request target as the arm's upstream gets it, without the endpoint's own prefix. */
export function targetOf({ variant, prefix }: Arm, target: string): string {
  const inner = prefix === "" ? target : withoutPrefix(target, prefix);
  const path = variant === null ? null : variant.path;
  return path === null ? inner : rewritePath(inner, path);
}

/** Takes off as many segments as the prefix has: in the target they may be written with escapes. */
function withoutPrefix(target: string, prefix: string): string {
  const question = target.indexOf("?");
  const pathEnd = question === -1 ? target.length : question;
  let at = 0;
  for (let left = prefix.split("/").length - 1; left > 0; left -= 1) {
    const next = target.indexOf("/", at + 1);
    at = next === -1 || next > pathEnd ? pathEnd : next;
  }
  const rest = target.slice(at);
  return rest.startsWith("/") ? rest : `/${rest}`;
}
