import type { LiveDocument } from "../../wire/live.ts";
import { alertsOf, type Model } from "./model.ts";
import { filterSubjects, subjectsOf } from "./subjects.ts";
import type { UiState } from "./ui-state.ts";

/** The document in the order in which it is shown, with what the keys act on. */
export function sceneOf(
  document: LiveDocument,
  { filter, selected }: Pick<UiState, "filter" | "selected">,
): Pick<Model, "document" | "subjects" | "visible" | "selected" | "alerts"> {
  const subjects = subjectsOf(document);
  const visible = filterSubjects(subjects, filter);
  return {
    document,
    subjects,
    visible,
    selected: visible.find(({ key }) => key === selected) ?? visible[0] ?? null,
    alerts: alertsOf(document),
  };
}
