import { useState } from "preact/hooks";
import type { RolloutStatus } from "../../../../wire/admin-api.ts";
import { useApp, useLive } from "../../app/context.ts";
import { CommandButton } from "../../parts/button.tsx";
import { ConfirmDialog } from "../../parts/dialog.tsx";
import { Icon } from "../../parts/icon.tsx";
import type { IconName } from "../../parts/icon.tsx";
import { treatmentOf } from "../../words/stand.ts";
import type { LiveTraffic } from "../../words/stand.ts";
import { describeEffect, offeredCommands, whyBlocked } from "../../words/rollout.ts";
import type { Parties, RolloutCommand } from "../../words/rollout.ts";

type Look = {
  readonly title: string;
  readonly icon: IconName;
  readonly tone: "plain" | "primary" | "danger";
  readonly done: string;
};

const looks: Readonly<Record<RolloutCommand, Look>> = {
  start: { title: "Start", icon: "play", tone: "primary", done: "The rollout has started." },
  retry: { title: "Retry", icon: "play", tone: "primary", done: "The rollout begins anew." },
  pause: { title: "Pause", icon: "pause", tone: "plain", done: "The rollout is paused." },
  resume: { title: "Resume", icon: "play", tone: "primary", done: "The rollout goes on." },
  promote: {
    title: "Promote",
    icon: "up",
    tone: "plain",
    done: "The rollout is one step further.",
  },
  skip: { title: "Skip the step", icon: "chevron", tone: "plain", done: "The step was skipped." },
  promote_all: {
    title: "Promote to all",
    icon: "ok",
    tone: "plain",
    done: "The rollout is promoted.",
  },
  rollback: {
    title: "Roll back",
    icon: "back",
    tone: "danger",
    done: "The rollout is rolled back.",
  },
};

/** What a rollout can be told; what its phase does not allow says why. */
export function RolloutCommands({ experiment }: { experiment: string }) {
  const rollout = useLive((document) => document.rollouts[experiment], [experiment]);
  const [asked, setAsked] = useState<RolloutCommand | null>(null);
  if (rollout === undefined) return null;
  return (
    <>
      {offeredCommands(rollout).map((command) => {
        const { title, icon, tone } = looks[command];
        return (
          <CommandButton
            key={command}
            icon={icon}
            tone={tone}
            blockedBy={whyBlocked(command, rollout)}
            onClick={() => setAsked(command)}
          >
            {title}
          </CommandButton>
        );
      })}
      {asked !== null && (
        <Confirm rollout={rollout} command={asked} onClose={() => setAsked(null)} />
      )}
    </>
  );
}

function Confirm({
  rollout,
  command,
  onClose,
}: {
  rollout: RolloutStatus;
  command: RolloutCommand;
  onClose: () => void;
}) {
  const { api } = useApp();
  const { experiment, preparation } = rollout;
  const traffic = useLive((document) => document.traffic[experiment], [experiment]);
  const [isForced, setForced] = useState(false);
  const { title, tone, done } = looks[command];
  const begins = command === "start" || command === "retry";
  const findings = begins ? (preparation?.findings ?? []) : [];
  const isBlocked = findings.some(({ level }) => level === "error");
  const run = async (reason: string | undefined) => {
    if (isBlocked && !isForced) {
      throw new Error("Mend what speaks against it, or tick that it is to start all the same.");
    }
    await api.post(`v1/rollouts/${encodeURIComponent(experiment)}`, {
      command,
      ...(reason !== undefined && { reason }),
      ...(isBlocked && { force: true }),
    });
  };
  return (
    <ConfirmDialog
      title={`${title}: ${experiment}?`}
      action={title}
      tone={tone === "danger" || isBlocked ? "danger" : "primary"}
      asksReason
      done={done}
      run={run}
      onClose={onClose}
    >
      {traffic !== undefined &&
        describeEffect(command, rollout, partiesOf(traffic)).map((sentence, at) => (
          <p key={at} dir="auto">
            {sentence}
          </p>
        ))}
      {findings.length > 0 && (
        <ul class="findings">
          {findings.map(({ level, message }, at) => (
            <li key={at} class={`finding finding-${level}`}>
              <Icon name={level === "info" ? "info" : "breach"} />
              <span>
                <strong>{level}:</strong> <span dir="auto">{message}</span>
              </span>
            </li>
          ))}
        </ul>
      )}
      {isBlocked && (
        <label class="check">
          <input
            type="checkbox"
            checked={isForced}
            onChange={(event) => setForced(event.currentTarget.checked)}
          />
          <span>{title} all the same (force)</span>
        </label>
      )}
    </ConfirmDialog>
  );
}

function partiesOf(traffic: LiveTraffic): Parties {
  const variants = Object.values(traffic.variants);
  const treatment = variants.find(({ control }) => !control);
  const counts = variants.map(({ users }) => users);
  const isCounted = counts.every((users) => users !== null);
  return {
    treatment: treatmentOf(traffic),
    control: variants.find(({ control }) => control)?.key ?? "the control",
    treated: treatment?.users ?? null,
    all: isCounted ? counts.reduce<number>((sum, users) => sum + (users ?? 0), 0) : null,
  };
}
