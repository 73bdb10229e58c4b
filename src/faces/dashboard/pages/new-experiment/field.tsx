import type { ComponentChildren } from "preact";
import { createContext } from "preact";
import { useContext, useId } from "preact/hooks";

/** What is wrong with each field, by its path in the experiment. */
export const IssuesContext = createContext<ReadonlyMap<string, readonly string[]>>(new Map());

/** What is wrong at a place that is no single field, such as a list. */
export function IssuesAt({ path, id }: { path: string; id?: string }) {
  const issues = useContext(IssuesContext).get(path) ?? [];
  if (issues.length === 0) return null;
  return (
    <p class="field-issue small" id={id}>
      {issues.join("; ")}
    </p>
  );
}

/** A text with what is wrong with it below. */
export function TextField({
  path,
  label,
  hint,
  value,
  list,
  onInput,
}: {
  path: string;
  label: string;
  hint?: string;
  value: string;
  /** Id of a datalist with suggestions. */
  list?: string;
  onInput: (value: string) => void;
}) {
  const id = useId();
  const isWrong = useContext(IssuesContext).has(path);
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        type="text"
        dir="auto"
        autocomplete="off"
        spellcheck={false}
        value={value}
        placeholder={hint}
        list={list}
        aria-invalid={isWrong}
        aria-describedby={isWrong ? `${id}-issue` : undefined}
        onInput={(event) => onInput(event.currentTarget.value)}
      />
      <IssuesAt path={path} id={`${id}-issue`} />
    </div>
  );
}

/** One of a few, with what is wrong with it below. */
export function SelectField<Option extends string>({
  path,
  label,
  value,
  options,
  onChange,
}: {
  path: string;
  label: string;
  value: Option;
  options: readonly (readonly [Option, string])[];
  onChange: (value: Option) => void;
}) {
  const id = useId();
  const isWrong = useContext(IssuesContext).has(path);
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select
        id={id}
        value={value}
        aria-invalid={isWrong}
        aria-describedby={isWrong ? `${id}-issue` : undefined}
        onChange={(event) => onChange(event.currentTarget.value as Option)}
      >
        {options.map(([option, words]) => (
          <option key={option} value={option}>
            {words}
          </option>
        ))}
      </select>
      <IssuesAt path={path} id={`${id}-issue`} />
    </div>
  );
}

/** A part of the form. */
export function Part({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <fieldset class="form-part">
      <legend>{title}</legend>
      {children}
    </fieldset>
  );
}
