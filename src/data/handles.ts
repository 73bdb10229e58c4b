import type { HandleUse } from "../core/traffic/policy.ts";
import { targetPath } from "../core/traffic/head.ts";
import { handlesMax, type IssuedHandle } from "../wire/messages.ts";

/** Longer texts are no handles. */
const handleLengthMax = 256;

/** Which variant issued which handle (`track_id` and the like), so that requests with one go back there. */
export class Handles {
  readonly #variants = new Map<string, string>();

  get size(): number {
    return this.#variants.size;
  }

  /** Remembers a handle; false for one that is known already or is none. */
  note({ experiment, handle, variant }: IssuedHandle): boolean {
    if (handle.length > handleLengthMax) return false;
    const key = `${experiment} ${handle}`;
    if (this.#variants.get(key) === variant) return false;
    this.#variants.delete(key);
    this.#variants.set(key, variant);
    for (const oldest of this.#variants.keys()) {
      if (this.#variants.size <= handlesMax) break;
      this.#variants.delete(oldest);
    }
    return true;
  }

  /** The variant that issued it; null when that is not known. */
  find(experiment: string, handle: string): string | null {
    return this.#variants.get(`${experiment} ${handle}`) ?? null;
  }
}

/** Finds the handle in a request's target. */
export type HandleFinder = (target: string) => string | null;

/** `pattern` is the route's, whose segments the target has. */
export function compileHandle(use: HandleUse, pattern: string): HandleFinder {
  if (use.in === "query") {
    return (target) => {
      const query = target.indexOf("?");
      return query === -1 ? null : new URLSearchParams(target.slice(query + 1)).get(use.name);
    };
  }
  const at = pattern.split("/").indexOf(`:${use.name}`);
  return (target) => {
    const segment = targetPath(target).split("/")[at];
    return segment === undefined || segment === "" ? null : decoded(segment);
  };
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
