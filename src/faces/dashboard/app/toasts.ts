import { signal } from "@preact/signals";
import type { ReadonlySignal } from "@preact/signals";
import type { Timers } from "../../../base/clock.ts";

export type Toast = {
  readonly id: number;
  readonly tone: "good" | "bad";
  readonly says: string;
};

export type ToastDesk = {
  readonly toasts: ReadonlySignal<readonly Toast[]>;
  /** Shows what came of a command; good news goes by itself, bad news waits to be read. */
  show(tone: Toast["tone"], says: string): void;
  dismiss(id: number): void;
};

const toastsMax = 4;
const goodMs = 6000;

export function createToasts(timers: Timers): ToastDesk {
  const toasts = signal<readonly Toast[]>([]);
  let count = 0;
  const dismiss = (id: number) => {
    toasts.value = toasts.peek().filter((toast) => toast.id !== id);
  };
  return {
    toasts,
    dismiss,
    show(tone, says) {
      count += 1;
      const id = count;
      toasts.value = [...toasts.peek(), { id, tone, says }].slice(-toastsMax);
      if (tone === "good") timers.after(goodMs, () => dismiss(id));
    },
  };
}
