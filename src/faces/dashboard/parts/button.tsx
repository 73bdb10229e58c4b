import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import { useApp } from "../app/context.ts";
import { Icon } from "./icon.tsx";
import type { IconName } from "./icon.tsx";

type ButtonProps = {
  onClick: () => void;
  tone?: "plain" | "primary" | "danger";
  icon?: IconName;
  /** Why it cannot be used now; it stays reachable, so that the reason can be read. */
  blockedBy?: string | null;
  children: ComponentChildren;
};

export function Button({ onClick, tone = "plain", icon, blockedBy = null, children }: ButtonProps) {
  const id = useId();
  const isBlocked = blockedBy !== null;
  return (
    <span class="button-box">
      <button
        type="button"
        class={`button button-${tone}`}
        aria-disabled={isBlocked}
        aria-describedby={isBlocked ? id : undefined}
        title={blockedBy ?? undefined}
        onClick={() => {
          if (!isBlocked) onClick();
        }}
      >
        {icon !== undefined && <Icon name={icon} />}
        {children}
      </button>
      {isBlocked && (
        <span id={id} class="visually-hidden">
          {blockedBy}
        </span>
      )}
    </span>
  );
}

/** A button that changes something on the server: blocked for who may only look. */
export function CommandButton({ blockedBy = null, ...props }: ButtonProps) {
  const { session } = useApp();
  const { allowed, reason } = session.permission.value;
  return <Button {...props} blockedBy={allowed ? blockedBy : reason} />;
}
