import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

/** A part of a page with a heading; screen readers list it by that. */
export function Card({
  title,
  aside,
  level = 2,
  class: extra = "",
  children,
}: {
  title: ComponentChildren;
  /** Beside the heading: a badge, a switch. */
  aside?: ComponentChildren;
  level?: 2 | 3;
  class?: string;
  children: ComponentChildren;
}) {
  const id = useId();
  const Heading = level === 2 ? "h2" : "h3";
  return (
    <section class={`card ${extra}`} aria-labelledby={id}>
      <header class="card-head">
        <Heading id={id}>{title}</Heading>
        {aside !== undefined && <div class="card-aside">{aside}</div>}
      </header>
      {children}
    </section>
  );
}

/** One figure with what it is. */
export function Stat({ label, children }: { label: string; children: ComponentChildren }) {
  return (
    <div class="stat">
      <dt>{label}</dt>
      <dd>{children}</dd>
    </div>
  );
}

export function Stats({ children }: { children: ComponentChildren }) {
  return <dl class="stats">{children}</dl>;
}

/** Nothing to show, and what to do about it. */
export function EmptyState({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children}
    </div>
  );
}

/** Something is on its way. */
export function Loading({ what }: { what: string }) {
  return (
    <p class="loading" role="status">
      Loading {what} …
    </p>
  );
}

/** Something could not be had; with the reason, and a way to try again. */
export function Failure({ says, retry }: { says: string; retry?: () => void }) {
  return (
    <div class="failure" role="alert">
      <p>{says}</p>
      {retry !== undefined && (
        <button type="button" class="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}
