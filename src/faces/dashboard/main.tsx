import { render } from "preact";
import { createApi } from "./app/api.ts";
import { AppContext } from "./app/context.ts";
import type { App } from "./app/context.ts";
import { createRouter } from "./app/router.ts";
import { createSession } from "./app/session.ts";
import type { SessionDesk } from "./app/session.ts";
import { Shell } from "./app/shell.tsx";
import { createTheme } from "./app/theme.ts";
import { createToasts } from "./app/toasts.ts";
import { followLive } from "./live/live-link.ts";
import type { LiveLink, SocketListeners } from "./live/live-link.ts";
import { createLiveStore } from "./live/live-store.ts";
import { createRecentTraffic } from "./live/recent-traffic.ts";
import { browserClock, browserRandom, browserTimers } from "./system.ts";

/** Puts the page together: the only place that knows all of its parts. */

const base = new URL(".", document.baseURI).href;
const liveAddress = new URL("v1/live", base.replace(/^http/, "ws")).href;

const live = createLiveStore(browserClock, browserTimers);
const recent = createRecentTraffic();
live.onFrame((document, atMs) => recent.look(document, atMs));

const session: SessionDesk = createSession(() => api, {
  tab: sessionStorage,
  browser: localStorage,
});
const api = createApi({
  base,
  token: () => session.token(),
  fetch: (...request) => fetch(...request),
  refused: () => session.refuse(),
});

let link: LiveLink | null = null;

/** The feed runs while somebody is logged in. */
session.state.subscribe(({ kind }) => {
  if (kind === "open") {
    link ??= followLive(
      {
        address: liveAddress,
        token: () => session.token(),
        open: openSocket,
        verify: () => session.check(),
        timers: browserTimers,
        random: browserRandom,
      },
      {
        frame: (frame) => live.take(frame),
        lost: (reason) => live.lose(reason),
        refused: () => session.refuse(),
      },
    );
  } else {
    link?.close();
    link = null;
  }
});

function openSocket(url: string, protocols: string[], listeners: SocketListeners): WebSocket {
  const socket = new WebSocket(url, protocols);
  socket.addEventListener("message", ({ data }) => listeners.message(data));
  socket.addEventListener("close", ({ code, reason }) => listeners.closed(code, reason));
  return socket;
}

function retryNow(): void {
  if (session.state.peek().kind === "unreachable") void session.check();
  link?.retryNow();
}
window.addEventListener("online", retryNow);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) retryNow();
});

const app: App = {
  api,
  clock: browserClock,
  timers: browserTimers,
  live,
  recent,
  router: createRouter(window),
  session,
  theme: createTheme(window, localStorage),
  toasts: createToasts(browserTimers),
  retryNow,
};

void session.check();
render(
  <AppContext.Provider value={app}>
    <Shell />
  </AppContext.Provider>,
  document.querySelector("#app") as HTMLElement,
);
