import { rewritePath } from "../../core/traffic/transform.ts";
import type { Arm } from "../routing.ts";

/** The request target as the arm's upstream gets it, without the endpoint's own prefix. */
export function targetOf({ variant }: Arm, target: string): string {
  const path = variant === null ? null : variant.path;
  return path === null ? target : rewritePath(target, path);
}
