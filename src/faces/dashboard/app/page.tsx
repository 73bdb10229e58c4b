import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

/**
 * The frame of every page: its heading gets the focus when the page opens, so that a screen reader says where one is and the
 * keyboard goes on from there.
 */
export function Page({
  title,
  heading = title,
  aside,
  children,
}: {
  /** For the window's title. */
  title: string;
  /** What the heading shows, where that is not the title. */
  heading?: ComponentChildren;
  /** Beside the heading: a badge, commands. */
  aside?: ComponentChildren;
  children: ComponentChildren;
}) {
  const head = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · Sluice`;
  }, [title]);
  useEffect(() => {
    head.current?.focus({ preventScroll: true });
    window.scrollTo(0, 0);
  }, []);
  return (
    <div class="page">
      <div class="page-head">
        <h1 ref={head} tabIndex={-1}>
          {heading}
        </h1>
        {aside !== undefined && <div class="page-aside">{aside}</div>}
      </div>
      {children}
    </div>
  );
}
