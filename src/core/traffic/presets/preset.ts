import type { ReaderName } from "../../inspection/facts.ts";
import type { HandleUse, RouteClass, Timeouts } from "../policy.ts";

/** One route of an API that Sluice knows. */
export type PresetRoute = {
  /** `POST /query`; the first match wins, so the special stands before the general. */
  readonly match: string;
  readonly class: RouteClass;
  readonly classify?: ReaderName;
  readonly handle?: HandleUse;
  readonly timeouts?: Partial<Timeouts>;
  /** Largest request body, where the server says one; else the listener's counts. */
  readonly bodyBytesMax?: number;
  /** Why it is so, for whoever reads the table. */
  readonly reason: string;
};

export const mebibyte = 2 ** 20;

/** Waits for answers that a language model writes: the server gives up first. */
export const modelWaits: Partial<Timeouts> = {
  firstByteMs: 330_000,
  idleMs: 330_000,
  totalMs: null,
};

/** Waits for work that the server does before it answers, uploads included. */
export const workWaits: Partial<Timeouts> = {
  firstByteMs: 330_000,
  idleMs: 60_000,
  totalMs: null,
};

/** A browser's question before a request from another origin; no write, whatever it asks about. */
export const preflight: PresetRoute = {
  match: "OPTIONS /**",
  class: "pin",
  reason: "asks what is allowed: one answer for all",
};

/** What no other line takes. */
export const theRest: PresetRoute = {
  match: "/**",
  class: "pin",
  reason: "not known: the primary variant, so that nothing is missing",
};
