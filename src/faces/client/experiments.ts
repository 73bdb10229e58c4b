import type { ExperimentCommandName } from "../../core/experiment/state.ts";
import { assignmentSchema } from "../../wire/assignment-api.ts";
import type { UserAssignment } from "../../wire/assignment-api.ts";
import { comparisonSchema } from "../../wire/comparison-api.ts";
import type { Comparison } from "../../wire/comparison-api.ts";
import {
  experimentAddedSchema,
  experimentLifecycleSchema,
  experimentsSchema,
} from "../../wire/experiments-api.ts";
import type { ExperimentAdded, ExperimentLifecycleStatus } from "../../wire/experiments-api.ts";
import type { Ask } from "./admin-port.ts";

/** An experiment to be added to the configuration. */
export type NewExperiment = {
  readonly key: string;
  /** As one entry of `experiments:` in the configuration. */
  readonly experiment: Readonly<Record<string, unknown>>;
  /** Matches that are to go to it, before all other routes, such as `POST /embeddings`. */
  readonly routes?: readonly string[];
  readonly actor?: string;
};

/** A/B experiments as a program uses them. */
export type ExperimentCalls = {
  readonly experiments: () => Promise<readonly ExperimentLifecycleStatus[]>;
  /** Variants of an A/B experiment or a rollout beside each other, and what that proves. */
  readonly comparison: (experiment: string) => Promise<Comparison>;
  /** Which variant a user gets as the experiment is routed now, and why. */
  readonly assignment: (experiment: string, user: string) => Promise<UserAssignment>;
  /** Adds it to the running configuration and, where that comes from a file, to the file. */
  readonly createExperiment: (created: NewExperiment) => Promise<ExperimentAdded>;
  /** What adding it would do; a {@link SluiceError} has every issue, with its path within the experiment. */
  readonly planExperiment: (created: NewExperiment) => Promise<ExperimentAdded>;
  /** The experiment after the start. With `keepUsers`, a start after an end leaves every user on the same variant. */
  readonly startExperiment: (
    experiment: string,
    options?: { readonly actor?: string; readonly keepUsers?: boolean },
  ) => Promise<ExperimentLifecycleStatus>;
  /** The experiment after the command. */
  readonly commandExperiment: (
    experiment: string,
    command: ExperimentCommandName,
    by?: { readonly actor?: string; readonly reason?: string },
  ) => Promise<ExperimentLifecycleStatus>;
  /** The experiment after its end. */
  readonly endExperiment: (
    experiment: string,
    options?: { readonly actor?: string; readonly reason?: string },
  ) => Promise<ExperimentLifecycleStatus>;
};

export function experimentCalls(ask: Ask): ExperimentCalls {
  const command = (experiment: string, body: object) =>
    ask(experimentLifecycleSchema, pathOf(experiment), body);
  return {
    experiments: async () => (await ask(experimentsSchema, "/v1/experiments")).experiments,
    comparison: (experiment) => ask(comparisonSchema, `${pathOf(experiment)}/comparison`),
    assignment: (experiment, user) =>
      ask(assignmentSchema, `${pathOf(experiment)}/assignment?user=${encodeURIComponent(user)}`),
    createExperiment: ({ key, experiment, routes, actor }) =>
      ask(experimentAddedSchema, "/v1/experiments", { key, experiment, routes, actor }),
    planExperiment: ({ key, experiment, routes, actor }) =>
      ask(experimentAddedSchema, "/v1/experiments?dry_run=true", {
        key,
        experiment,
        routes,
        actor,
      }),
    startExperiment: (experiment, { actor, keepUsers } = {}) =>
      command(experiment, { command: "start", actor, keep_users: keepUsers }),
    commandExperiment: (experiment, name, { actor, reason } = {}) =>
      command(experiment, { command: name, actor, reason }),
    endExperiment: (experiment, { actor, reason } = {}) =>
      command(experiment, { command: "stop", actor, reason }),
  };
}

function pathOf(experiment: string): string {
  return `/v1/experiments/${encodeURIComponent(experiment)}`;
}
