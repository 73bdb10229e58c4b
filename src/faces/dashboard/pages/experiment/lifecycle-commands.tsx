import { useState } from "preact/hooks";
import type { ExperimentLifecycleStatus } from "../../../../wire/experiments-api.ts";
import { useApp, useLive } from "../../app/context.ts";
import { CommandButton } from "../../parts/button.tsx";
import { ConfirmDialog } from "../../parts/dialog.tsx";
import type { IconName } from "../../parts/icon.tsx";
import { countOf } from "../../words/numbers.ts";

type Command = "start" | "pause" | "resume" | "stop" | "archive";
type Phase = ExperimentLifecycleStatus["phase"];

type Look = {
  readonly title: string;
  readonly icon: IconName;
  readonly tone: "plain" | "primary" | "danger";
  readonly done: string;
  /** What will happen to whom. */
  readonly means: (users: string) => string;
};

const looks: Readonly<Record<Command, Look>> = {
  start: {
    title: "Start",
    icon: "play",
    tone: "primary",
    done: "The experiment runs.",
    means: () =>
      "From the next request on users are split between the variants, and what happens to them is analysed.",
  },
  pause: {
    title: "Pause",
    icon: "pause",
    tone: "plain",
    done: "The experiment is paused.",
    means: (users) =>
      `From the next request on everybody gets the control, ${users} included. Who had which variant is kept.`,
  },
  resume: {
    title: "Resume",
    icon: "play",
    tone: "primary",
    done: "The experiment runs again.",
    means: () => "Every user gets the variant that they had before the pause.",
  },
  stop: {
    title: "Stop",
    icon: "error",
    tone: "danger",
    done: "The experiment has ended.",
    means: (users) =>
      `The experiment ends without waiting for a decision, and everybody gets the control, ${users} included.`,
  },
  archive: {
    title: "Archive",
    icon: "file",
    tone: "plain",
    done: "The experiment is archived.",
    means: () => "It is kept as it ended, and cannot be started again.",
  },
};

const offered: Readonly<Record<Phase, readonly Command[]>> = {
  draft: ["start"],
  running: ["pause", "stop"],
  paused: ["resume", "stop"],
  ended: ["start", "archive"],
  archived: [],
};

/** What an A/B experiment can be told in its present phase; nothing for one without a lifecycle. */
export function LifecycleCommands({ experiment }: { experiment: string }) {
  const phase = useLive((document) => document.experiments[experiment]?.phase, [experiment]);
  const [asked, setAsked] = useState<Command | null>(null);
  if (phase === undefined) return null;
  return (
    <>
      {offered[phase].map((command) => {
        const { title, icon, tone } = looks[command];
        return (
          <CommandButton key={command} icon={icon} tone={tone} onClick={() => setAsked(command)}>
            {title}
          </CommandButton>
        );
      })}
      {asked !== null && (
        <Confirm
          experiment={experiment}
          command={asked}
          isAgain={phase === "ended"}
          onClose={() => setAsked(null)}
        />
      )}
    </>
  );
}

function Confirm({
  experiment,
  command,
  isAgain,
  onClose,
}: {
  experiment: string;
  command: Command;
  isAgain: boolean;
  onClose: () => void;
}) {
  const { api } = useApp();
  const [keepsUsers, setKeepsUsers] = useState(false);
  const users = useLive(
    (document) =>
      Object.values(document.traffic[experiment]?.variants ?? {})
        .filter(({ control }) => !control)
        .reduce((sum, variant) => sum + (variant.users ?? 0), 0),
    [experiment],
  );
  const { title, tone, done, means } = looks[command];
  const isStartAgain = command === "start" && isAgain;
  return (
    <ConfirmDialog
      title={`${title} ${experiment}?`}
      action={title}
      tone={tone === "danger" ? "danger" : "primary"}
      asksReason
      done={done}
      onClose={onClose}
      run={(reason) =>
        api.post(`v1/experiments/${encodeURIComponent(experiment)}`, {
          command,
          ...(reason !== undefined && { reason }),
          ...(isStartAgain && { keep_users: keepsUsers }),
        })
      }
    >
      <p>{means(`the ${countOf(users ?? 0, "user")} with another variant`)}</p>
      {isStartAgain && (
        <label class="check">
          <input
            type="checkbox"
            checked={keepsUsers}
            onChange={(event) => setKeepsUsers(event.currentTarget.checked)}
          />
          <span>Every user keeps the variant of the last run instead of drawing anew</span>
        </label>
      )}
    </ConfirmDialog>
  );
}
