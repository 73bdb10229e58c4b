import { Icon } from "../parts/icon.tsx";
import { useApp } from "./context.ts";

/** What came of commands, at the edge of the page; screen readers say it. */
export function ToastList() {
  const { toasts } = useApp();
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.toasts.value.map(({ id, tone, says }) => (
        <div key={id} class={`toast toast-${tone}`}>
          <Icon name={tone === "good" ? "ok" : "breach"} />
          <p dir="auto">{says}</p>
          <button
            type="button"
            class="button-icon"
            aria-label="Dismiss"
            onClick={() => toasts.dismiss(id)}
          >
            <Icon name="error" />
          </button>
        </div>
      ))}
    </div>
  );
}
