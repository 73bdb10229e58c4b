import { createContext } from "preact";
import { useContext, useMemo } from "preact/hooks";
import type { Clock, Timers } from "../../../base/clock.ts";
import type { LiveDocument } from "../../../wire/live.ts";
import type { LiveStore } from "../live/live-store.ts";
import type { RecentTraffic } from "../live/recent-traffic.ts";
import type { Api } from "./api.ts";
import type { Router } from "./router.ts";
import type { SessionDesk } from "./session.ts";
import type { ThemeDesk } from "./theme.ts";
import type { ToastDesk } from "./toasts.ts";

/** What every page may use. */
export type App = {
  readonly api: Api;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly live: LiveStore;
  /** The last minutes as the page itself saw them. */
  readonly recent: RecentTraffic;
  readonly router: Router;
  readonly session: SessionDesk;
  readonly theme: ThemeDesk;
  readonly toasts: ToastDesk;
  /** Does not wait for the next try to reach the server. */
  readonly retryNow: () => void;
};

export const AppContext = createContext<App | null>(null);

export function useApp(): App {
  const app = useContext(AppContext);
  if (app === null) throw new Error("This component is not inside an AppContext.");
  return app;
}

/**
 * A part of the live document; undefined before the first snapshot. The component renders again only when that part changed:
 * pick a part as the document holds it, or a plain value made of it, not a new object. `inputs` are what `pick` depends on.
 */
export function useLive<Part>(
  pick: (document: LiveDocument) => Part,
  inputs: readonly unknown[] = [],
): Part | undefined {
  const { live } = useApp();
  return useMemo(() => live.select(pick), [live, ...inputs]).value;
}

/** The server's time in milliseconds, moved once a second; null before the first frame. */
export function useNow(): number | null {
  return useApp().live.nowMs.value;
}
