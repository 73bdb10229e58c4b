import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";
import { Failure } from "../parts/card.tsx";
import { ErrorBoundary } from "../parts/error-boundary.tsx";
import { Icon } from "../parts/icon.tsx";
import { ConnectionBanner, ConnectionMark } from "./connection.tsx";
import { useApp, useLive } from "./context.ts";
import { Login } from "./login.tsx";
import { Page } from "./page.tsx";
import { findRoute, routes } from "./routes.ts";
import { linkTo } from "./router.ts";
import { SettingsMenu } from "./settings-menu.tsx";
import { ToastList } from "./toast-list.tsx";

/** The whole page: the login, or the menu with the page that the address names. */
export function Shell() {
  const { session, retryNow } = useApp();
  const state = session.state.value;
  switch (state.kind) {
    case "checking":
      return null;
    case "login":
      return <Login says={state.says} />;
    case "unreachable":
      return (
        <main class="login" id="main">
          <div class="card login-card">
            <h1>Sluice</h1>
            <Failure says={state.says} retry={retryNow} />
          </div>
        </main>
      );
    case "open":
      return (
        <Frame>
          <CurrentPage />
        </Frame>
      );
  }
}

function CurrentPage() {
  const { segments } = useApp().router.location.value;
  const route = findRoute(segments);
  const key = segments.join("/");
  if (route === null) {
    return (
      <Page key={key} title="No such page">
        <p>
          There is no page at this address. <a href={linkTo()}>Go to the overview.</a>
        </p>
      </Page>
    );
  }
  const { page: PageOf } = route;
  return (
    <ErrorBoundary key={key} what="This page">
      <PageOf params={segments.slice(1)} />
    </ErrorBoundary>
  );
}

function Frame({ children }: { children: ComponentChildren }) {
  const main = useRef<HTMLElement>(null);
  return (
    <div class="frame">
      <a
        class="skip-link"
        href="#main"
        onClick={(event) => {
          // The address after # is the page's.
          event.preventDefault();
          main.current?.focus();
        }}
      >
        Skip to the content
      </a>
      <header class="top">
        <a class="brand" href={linkTo()} aria-label="Sluice, overview">
          <BrandMark />
          <span>Sluice</span>
        </a>
        <ConnectionMark />
        <SettingsMenu />
      </header>
      <nav class="menu" aria-label="Pages">
        <ul>
          {routes.map(({ path, title, icon }) =>
            icon === null ? null : (
              <li key={path}>
                <MenuLink path={path}>
                  <Icon name={icon} />
                  <span>{title}</span>
                  {path === "alerts" && <FiringCount />}
                </MenuLink>
              </li>
            ),
          )}
        </ul>
      </nav>
      <main class="main" id="main" ref={main} tabIndex={-1}>
        <ConnectionBanner />
        {children}
      </main>
      <ToastList />
    </div>
  );
}

function MenuLink({ path, children }: { path: string; children: ComponentChildren }) {
  const { segments } = useApp().router.location.value;
  const isHere = (segments[0] ?? "") === path;
  return (
    <a href={path === "" ? linkTo() : linkTo(path)} aria-current={isHere ? "page" : undefined}>
      {children}
    </a>
  );
}

function FiringCount() {
  const firing = useLive(
    ({ alerts }) => Object.values(alerts.alerts).filter(({ status }) => status === "firing").length,
  );
  if (firing === undefined || firing === 0) return null;
  return (
    <span class="count-badge" aria-label={`${firing} firing`}>
      {firing}
    </span>
  );
}

function BrandMark() {
  return (
    <svg class="brand-mark" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <rect width="32" height="32" rx="7" />
      <path d="M6 16h8c4 0 4-7 8-7h4M14 16c4 0 4 7 8 7h4" />
    </svg>
  );
}
