import type { JournalScope } from "../../core/experiment/journal.ts";
import type { JsonValue } from "../../core/experiment/policy.ts";
import type { StateVersion } from "../store/shared-store.ts";
import type { Store, StoredState } from "../store/store.ts";
import { isOutdated } from "./sharing.ts";

export const sharedScopes = ["rollout", "experiment", "alert", "config"] as const;

/** The states that replicas share, as this one knows them, and the way to write them so that nobody's work is lost. */
export type SharedStates = {
  /** Writes only on top of what is known, and a leader only while it leads: what was refused as outdated was read again. */
  readonly store: Pick<Store, "append" | "states" | "read">;
  latest(scope: JournalScope, subject: string): JsonValue | undefined;
  /** False when nothing could be read yet. */
  wasRead(): boolean;
  /** Reads what others wrote since; the scopes of it, with the subjects that changed. */
  catchUp(versions: readonly StateVersion[]): ReadonlyMap<JournalScope, readonly string[]>;
};

/** `epoch` is the fencing epoch while this replica leads. Reads all states at once when the store is there. */
export function createSharedStates(
  shared: Pick<Store, "append" | "states" | "read">,
  epoch: () => number | null,
): SharedStates {
  const known = new Map<string, StoredState>();
  let wasRead = false;
  /** Changed by others, and not told yet. */
  const news = new Map<JournalScope, Set<string>>();

  function refresh(scope: JournalScope) {
    const read = shared.states(scope);
    if (!read.ok) return read;
    wasRead = true;
    const present = new Set<string>();
    for (const stored of read.value) {
      const id = idOf(scope, stored.subject);
      present.add(id);
      if (known.get(id)?.version === stored.version) continue;
      known.set(id, stored);
      news.set(scope, (news.get(scope) ?? new Set()).add(stored.subject));
    }
    for (const id of known.keys()) {
      if (id.startsWith(`${scope} `) && !present.has(id)) known.delete(id);
    }
    return read;
  }

  for (const scope of sharedScopes) refresh(scope);
  news.clear();
  return {
    wasRead: () => wasRead,
    latest: (scope, subject) => known.get(idOf(scope, subject))?.state,
    catchUp(versions) {
      const scopes = new Set(
        versions.flatMap(({ scope, subject, version }) =>
          known.get(idOf(scope, subject))?.version === version ? [] : [scope],
        ),
      );
      for (const scope of scopes) refresh(scope);
      const changed = new Map(Array.from(news, ([scope, subjects]) => [scope, [...subjects]]));
      news.clear();
      return changed;
    },
    store: {
      append(entries, states) {
        const expecting = states.map((each) => ({
          ...each,
          expected: known.get(idOf(each.scope, each.subject))?.version ?? 0,
        }));
        const appended = shared.append(entries, expecting, epoch() ?? undefined);
        if (appended.ok) {
          for (const { scope, subject, state, expected } of expecting) {
            const id = idOf(scope, subject);
            const version = expected + 1;
            if (state === null) known.delete(id);
            else known.set(id, { subject, state, version, sequence: appended.value });
          }
        } else if (isOutdated(appended.error)) {
          for (const scope of new Set(states.map((each) => each.scope))) refresh(scope);
        }
        return appended;
      },
      states: (scope) => refresh(scope),
      read: (query) => shared.read(query),
    },
  };
}

function idOf(scope: JournalScope, subject: string): string {
  return `${scope} ${subject}`;
}
