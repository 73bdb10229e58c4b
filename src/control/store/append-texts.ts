import { err, ok, type Result } from "../../base/result.ts";
import type { NewEntry } from "../../core/experiment/journal.ts";
import {
  appendEntriesMax,
  factsCharactersMax,
  stateCharactersMax,
  type NewState,
  type StoreFault,
} from "./store.ts";

/** The JSON of an append, in the order of its entries and states. */
export type AppendTexts = {
  readonly facts: readonly string[];
  readonly states: readonly string[];
};

/** Refuses what is over a limit with `too_large`. Throws a TypeError when a value has no JSON. */
export function textsOf(
  entries: readonly NewEntry[],
  states: readonly NewState[],
): Result<AppendTexts, StoreFault> {
  const facts = entries.map((entry) => JSON.stringify(entry.facts));
  const texts = states.map(({ state }) => JSON.stringify(state));
  const tooLarge = [
    over("entries of one append", entries.length, appendEntriesMax),
    ...facts.map((text) => over("characters of an entry's facts", text.length, factsCharactersMax)),
    ...texts.map((text) => over("characters of a state", text.length, stateCharactersMax)),
  ].find((fault) => fault !== null);
  return tooLarge ? err(tooLarge) : ok({ facts, states: texts });
}

/** The fault of more than `max`; null when it is not. */
export function over(what: string, count: number, max: number): StoreFault | null {
  if (count <= max) return null;
  return { code: "too_large", message: `${count} ${what} are more than ${max}` };
}
