import { Icon } from "../parts/icon.tsx";
import { useApp } from "./context.ts";
import { themeChoices } from "./theme.ts";

const themeIcons = { system: "screen", light: "sun", dark: "moon" } as const;
const themeWords = { system: "As the system", light: "Light", dark: "Dark" } as const;

/** Colours, read-only mode and logging out. */
export function SettingsMenu() {
  const { session, theme } = useApp();
  const state = session.state.value;
  const choice = theme.choice.value;
  const isViewer = state.kind === "open" && state.session.role === "viewer";
  const isReadOnly = isViewer || session.isReadOnly.value;
  return (
    <div class="settings">
      {isReadOnly && (
        <span class="tag" title={session.permission.value.reason}>
          read-only
        </span>
      )}
      <fieldset class="segments">
        <legend class="visually-hidden">Colours</legend>
        {themeChoices.map((one) => (
          <label key={one} title={themeWords[one]}>
            <input
              type="radio"
              name="theme"
              checked={choice === one}
              onChange={() => theme.choose(one)}
            />
            <Icon name={themeIcons[one]} />
            <span class="visually-hidden">{themeWords[one]}</span>
          </label>
        ))}
      </fieldset>
      {!isViewer && (
        <label class="switch">
          <input
            type="checkbox"
            role="switch"
            checked={session.isReadOnly.value}
            onChange={(event) => session.setReadOnly(event.currentTarget.checked)}
          />
          <span>Read-only</span>
        </label>
      )}
      {state.kind === "open" && state.session.authentication === "token" && (
        <button type="button" class="button button-quiet" onClick={() => session.logOut()}>
          Log out
        </button>
      )}
    </div>
  );
}
