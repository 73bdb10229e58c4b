import { computed, signal } from "@preact/signals";
import type { ReadonlySignal } from "@preact/signals";
import type { Session } from "../../../wire/system-api.ts";
import { ApiError, wordsOf } from "./api.ts";
import type { Api } from "./api.ts";

/** Who is looking at the page. */
export type SessionState =
  | { readonly kind: "checking" }
  | { readonly kind: "login"; readonly says: string | null }
  | { readonly kind: "unreachable"; readonly says: string }
  | { readonly kind: "open"; readonly session: Session };

/** Whether controls may be used; with the reason where not. */
export type Permission = { readonly allowed: boolean; readonly reason: string };

export type SessionDesk = {
  readonly state: ReadonlySignal<SessionState>;
  readonly permission: ReadonlySignal<Permission>;
  /** The viewer's own choice to look only. */
  readonly isReadOnly: ReadonlySignal<boolean>;
  token(): string | null;
  setReadOnly(isReadOnly: boolean): void;
  /** Asks the server who this is. */
  check(): Promise<"accepted" | "refused" | "unknown">;
  logIn(token: string): Promise<void>;
  logOut(): void;
  /** The server does not take the token (any more). */
  refuse(says?: string): void;
};

/** What outlives a reload: the token until the tab closes, the choice for good. */
export type Kept = Pick<Storage, "getItem" | "setItem" | "removeItem">;

const tokenKey = "sluice.token";
const readOnlyKey = "sluice.read-only";
const tokenChanged = "Your token is not valid any more. Enter the present one.";

export function createSession(
  api: () => Api,
  kept: { readonly tab: Kept; readonly browser: Kept },
): SessionDesk {
  const state = signal<SessionState>({ kind: "checking" });
  const isReadOnly = signal(kept.browser.getItem(readOnlyKey) === "true");

  const desk: SessionDesk = {
    state,
    isReadOnly,
    permission: computed(() => permit(state.value, isReadOnly.value)),
    token: () => kept.tab.getItem(tokenKey),
    setReadOnly(next) {
      isReadOnly.value = next;
      kept.browser.setItem(readOnlyKey, String(next));
    },
    async check() {
      try {
        const session = await api().get<Session>("v1/session");
        state.value = { kind: "open", session };
        return "accepted";
      } catch (error) {
        if (error instanceof ApiError && error.status === 401) {
          if (state.peek().kind !== "login") desk.refuse();
          return "refused";
        }
        if (state.peek().kind !== "open") {
          state.value = { kind: "unreachable", says: wordsOf(error) };
        }
        return "unknown";
      }
    },
    async logIn(token) {
      kept.tab.setItem(tokenKey, token);
      if ((await desk.check()) !== "refused") return;
      desk.refuse("Sluice does not know this token.");
    },
    logOut() {
      kept.tab.removeItem(tokenKey);
      state.value = { kind: "login", says: null };
    },
    refuse(says) {
      const hadToken = kept.tab.getItem(tokenKey) !== null;
      kept.tab.removeItem(tokenKey);
      state.value = { kind: "login", says: says ?? (hadToken ? tokenChanged : null) };
    },
  };
  return desk;
}

function permit(state: SessionState, isReadOnly: boolean): Permission {
  if (state.kind !== "open") return { allowed: false, reason: "Nobody is logged in." };
  if (state.session.role === "viewer") {
    return { allowed: false, reason: "You may look, but not change anything." };
  }
  if (isReadOnly) {
    return { allowed: false, reason: "You chose read-only mode; switch it off in the menu." };
  }
  return { allowed: true, reason: "" };
}
