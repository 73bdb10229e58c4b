import type { ComponentChildren } from "preact";
import type { Phase } from "../words/stand.ts";
import { Icon } from "./icon.tsx";
import type { IconName } from "./icon.tsx";

export type Tone = "good" | "bad" | "warn" | "info" | "quiet";

/** A state in one or two words; the icon and the word say it, the colour only repeats it. */
export function Badge({
  tone,
  icon,
  title,
  children,
}: {
  tone: Tone;
  icon: IconName;
  title?: string;
  children: ComponentChildren;
}) {
  return (
    <span class={`badge badge-${tone}`} title={title}>
      <Icon name={icon} />
      <span>{children}</span>
    </span>
  );
}

type Look = { readonly tone: Tone; readonly icon: IconName; readonly word: string };

const verdicts = {
  ok: { tone: "good", icon: "ok", word: "holds" },
  breach: { tone: "bad", icon: "breach", word: "breached" },
  wait: { tone: "info", icon: "wait", word: "waiting for evidence" },
  error: { tone: "warn", icon: "error", word: "cannot be judged" },
  better: { tone: "good", icon: "up", word: "better" },
  worse: { tone: "bad", icon: "breach", word: "worse" },
  no_difference: { tone: "info", icon: "ok", word: "no difference that matters" },
  undecided: { tone: "quiet", icon: "wait", word: "not decided yet" },
  too_few: { tone: "quiet", icon: "wait", word: "too few users yet" },
  treatment_wins: { tone: "good", icon: "up", word: "treatment wins" },
  control_wins: { tone: "warn", icon: "back", word: "control wins" },
  keep_running: { tone: "quiet", icon: "wait", word: "keep running" },
  invalid: { tone: "bad", icon: "error", word: "not valid" },
} as const satisfies Record<string, Look>;

export type VerdictWord = keyof typeof verdicts;

/** A guardrail's or a comparison's verdict. */
export function VerdictBadge({ verdict, title }: { verdict: VerdictWord; title?: string }) {
  const { tone, icon, word } = verdicts[verdict];
  return (
    <Badge tone={tone} icon={icon} {...(title !== undefined && { title })}>
      {word}
    </Badge>
  );
}

const phases = {
  waiting: { tone: "quiet", icon: "dot", word: "not started" },
  stepping: { tone: "info", icon: "up", word: "climbing" },
  observing: { tone: "info", icon: "pulse", word: "observing" },
  promoted: { tone: "good", icon: "ok", word: "promoted" },
  rolled_back: { tone: "bad", icon: "back", word: "rolled back" },
  draft: { tone: "quiet", icon: "dot", word: "draft" },
  running: { tone: "info", icon: "pulse", word: "running" },
  paused: { tone: "warn", icon: "pause", word: "paused" },
  ended: { tone: "good", icon: "ok", word: "ended" },
  archived: { tone: "quiet", icon: "file", word: "archived" },
  split: { tone: "info", icon: "pulse", word: "split" },
  disabled: { tone: "warn", icon: "pause", word: "switched off" },
  refused: { tone: "bad", icon: "error", word: "refused" },
} as const satisfies Record<Phase, Look>;

/** Where a rollout or an experiment stands. */
export function PhaseBadge({ phase }: { phase: Phase }) {
  const { tone, icon, word } = phases[phase];
  return (
    <Badge tone={tone} icon={icon}>
      {word}
    </Badge>
  );
}
