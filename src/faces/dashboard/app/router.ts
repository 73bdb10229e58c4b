import { signal } from "@preact/signals";
import type { ReadonlySignal } from "@preact/signals";

/** Addresses are `#/path/KEY?query`: the server needs to know none of them. */

export type Location = {
  /** Decoded segments; none for the overview. */
  readonly segments: readonly string[];
  readonly query: URLSearchParams;
};

export type Router = {
  readonly location: ReadonlySignal<Location>;
  /** Changes the address's query in place, without a step in the history. */
  setQuery(changes: Readonly<Record<string, string | null>>): void;
};

/** The address of a page, for links: `linkTo("experiment", key)`. */
export function linkTo(...segments: readonly string[]): string {
  return `#/${segments.map(encodeURIComponent).join("/")}`;
}

export function parseHash(hash: string): Location {
  const [path, query] = splitOnce(hash.replace(/^#/, ""), "?");
  const segments = path
    .split("/")
    .filter((segment) => segment !== "")
    .map(decode);
  return { segments, query: new URLSearchParams(query) };
}

export function createRouter(window: Window): Router {
  const location = signal(parseHash(window.location.hash));
  const read = () => {
    location.value = parseHash(window.location.hash);
  };
  window.addEventListener("hashchange", read);
  return {
    location,
    setQuery(changes) {
      const { segments, query } = location.peek();
      const next = new URLSearchParams(query);
      for (const [name, value] of Object.entries(changes)) {
        if (value === null) next.delete(name);
        else next.set(name, value);
      }
      const text = next.toString();
      window.history.replaceState(
        null,
        "",
        `${linkTo(...segments)}${text === "" ? "" : `?${text}`}`,
      );
      read();
    },
  };
}

function splitOnce(text: string, mark: string): [string, string] {
  const at = text.indexOf(mark);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + mark.length)];
}

/** What somebody typed into the address bar need not be well formed. */
function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
