import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { wordsOf } from "../app/api.ts";
import { useApp } from "../app/context.ts";

/**
 * Asks before a command is sent, and says what will happen to how many users. A modal <dialog>: the focus stays inside,
 * Escape closes it, and the focus goes back to where it was.
 */
export function ConfirmDialog({
  title,
  action,
  tone = "primary",
  asksReason = false,
  done,
  run,
  onClose,
  children,
}: {
  title: string;
  /** The word on the button. */
  action: string;
  tone?: "primary" | "danger";
  /** Whether there is a field for a reason, which goes into the journal. */
  asksReason?: boolean;
  /** What to say when it is done. */
  done: string;
  run: (reason: string | undefined) => Promise<unknown>;
  onClose: () => void;
  children: ComponentChildren;
}) {
  const { toasts } = useApp();
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  const [reason, setReason] = useState("");
  const [isBusy, setBusy] = useState(false);
  const [failure, setFailure] = useState<string | null>(null);

  useEffect(() => {
    const before = document.activeElement;
    const opened = dialog.current;
    opened?.showModal();
    return () => {
      // While it is open, nothing outside of it can have the focus.
      opened?.close();
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);

  const send = async () => {
    setBusy(true);
    setFailure(null);
    try {
      await run(reason.trim() === "" ? undefined : reason.trim());
      toasts.show("good", done);
      onClose();
    } catch (error) {
      setFailure(wordsOf(error));
      setBusy(false);
    }
  };

  return (
    <dialog
      ref={dialog}
      class="dialog"
      aria-labelledby={`${id}-title`}
      aria-describedby={`${id}-text`}
      onCancel={(event) => {
        event.preventDefault();
        if (!isBusy) onClose();
      }}
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (!isBusy) void send();
        }}
      >
        <h2 id={`${id}-title`}>{title}</h2>
        <div id={`${id}-text`} class="dialog-text">
          {children}
        </div>
        {asksReason && (
          <label class="field">
            <span>Reason, for the journal (optional)</span>
            <input
              type="text"
              maxLength={1000}
              dir="auto"
              value={reason}
              onInput={(event) => setReason(event.currentTarget.value)}
            />
          </label>
        )}
        {failure !== null && (
          <p class="failure" role="alert">
            {failure}
          </p>
        )}
        <div class="dialog-actions">
          <button type="button" class="button" disabled={isBusy} onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class={`button button-${tone}`} aria-disabled={isBusy}>
            {isBusy ? "Sending …" : action}
          </button>
        </div>
      </form>
    </dialog>
  );
}
