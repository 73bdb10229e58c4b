import type { Clock } from "../../base/clock.ts";
import type { LiveDocument } from "../../wire/live.ts";
import type { Client, LiveUpdate } from "../client/client.ts";
import { SluiceError } from "../client/error.ts";
import type { Glyphs } from "./glyphs.ts";
import type { Model } from "./model.ts";
import { plannedPercent } from "./numbers.ts";
import { Samples } from "./samples.ts";
import { sceneOf } from "./scene.ts";
import type { Tone } from "./line.ts";
import { neutralise } from "./text.ts";
import { firstUi, press, type Press, type UiCommand, type UiState } from "./ui-state.ts";

export type DashboardOptions = {
  readonly url: string;
  /** Who acts, for the journal. */
  readonly actor: string | undefined;
  readonly experiment: string | null;
  readonly role: Model["role"];
  readonly glyphs: Glyphs;
};

export type DashboardDependencies = {
  readonly clock: Clock;
  readonly client: Pick<Client, "commandRollout" | "commandExperiment" | "acknowledge">;
  readonly quit: () => void;
};

/** What is known and shown, between the live document and the keys; tells its listeners when there is something new. */
export class Dashboard {
  readonly samples = new Samples();
  readonly #options: DashboardOptions;
  readonly #dependencies: DashboardDependencies;
  readonly #listeners = new Set<() => void>();
  #version = 0;
  #document: LiveDocument;
  #atMs: number;
  #heardMs: number;
  #stale: { readonly sinceMs: number; readonly why: string } | null = null;
  #ui: UiState;

  constructor(
    first: Extract<LiveUpdate, { kind: "document" }>,
    options: DashboardOptions,
    dependencies: DashboardDependencies,
  ) {
    this.#options = options;
    this.#dependencies = dependencies;
    this.#document = first.document;
    this.#atMs = Date.parse(first.at);
    this.#heardMs = dependencies.clock.monotonicMs();
    this.#ui = { ...firstUi, selected: options.experiment };
    this.samples.take(first.document);
  }

  /** For React: what `version` answers changes with everything that is shown. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  };

  readonly version = (): number => this.#version;

  take(update: LiveUpdate): void {
    const nowMs = this.#dependencies.clock.monotonicMs();
    if (update.kind === "document") {
      this.#document = update.document;
      this.#atMs = Date.parse(update.at);
      this.#heardMs = nowMs;
      this.#stale = null;
    } else {
      // It has been out of date since it was last heard, not since that was noticed.
      this.#stale = { sinceMs: this.#heardMs, why: update.error.detail || update.error.message };
    }
    this.#tell();
  }

  /** A second has passed: ages grow, charts move. */
  tick(): void {
    this.samples.take(this.#stale === null ? this.#document : null);
    this.#tell();
  }

  /** How long nothing was heard, milliseconds; 0 while it is up to date. */
  staleForMs(): number {
    if (this.#stale === null) return 0;
    return this.#dependencies.clock.monotonicMs() - this.#stale.sinceMs;
  }

  /**
   * Keys that came at once. What follows a question in the same breath is not heard: it was typed, or pasted, before
   * anybody could read what is asked.
   */
  press(keys: readonly Press[]): void {
    for (const key of keys) {
      const before = this.#ui;
      const { ui, command } = press(before, key, sceneOf(this.#document, before));
      this.#ui = ui;
      if (command !== null) this.#perform(command);
      if (before.question === null && ui.question !== null) break;
    }
    this.#tell();
  }

  model(): Model {
    const nowMs = this.#dependencies.clock.monotonicMs();
    const { url, role, glyphs } = this.#options;
    return {
      ...sceneOf(this.#document, this.#ui),
      url,
      role,
      glyphs,
      samples: this.samples,
      ui: this.#ui,
      nowMs: this.#atMs + nowMs - this.#heardMs,
      ageMs: nowMs - this.#heardMs,
      stale: this.#stale === null ? null : { forMs: this.staleForMs(), why: this.#stale.why },
    };
  }

  #tell(): void {
    this.#version += 1;
    for (const listener of this.#listeners) listener();
  }

  #perform(command: UiCommand): void {
    if (command.kind === "quit") {
      this.#dependencies.quit();
      return;
    }
    this.#say(`${wordsOf(command)} …`, "calm");
    this.#send(command).then(
      (text) => this.#say(text, "good"),
      (error: unknown) => this.#say(`${wordsOf(command)} was refused: ${whyNot(error)}`, "bad"),
    );
  }

  /** What came of it, in words. */
  async #send(command: Exclude<UiCommand, { kind: "quit" }>): Promise<string> {
    const { client } = this.#dependencies;
    const { actor } = this.#options;
    const by = actor === undefined ? {} : { actor };
    if (command.kind === "acknowledge") {
      await client.acknowledge(command.alert, actor);
      return `Acknowledged: ${command.alert}`;
    }
    const { experiment } = command;
    if (command.kind === "experiment") {
      const { phase } = await client.commandExperiment(experiment, command.command, by);
      return `${experiment}: ${phase}`;
    }
    const { phase, share, step, steps } = await client.commandRollout(
      experiment,
      command.command,
      by,
    );
    const place = step === null ? "" : `, step ${step} of ${steps.length}`;
    return `${experiment}: ${phase.replaceAll("_", " ")}${place}, treatment ${plannedPercent(share)}`;
  }

  #say(text: string, tone: Tone): void {
    this.#ui = { ...this.#ui, message: { text: neutralise(text), tone } };
    this.#tell();
  }
}

function wordsOf(command: Exclude<UiCommand, { kind: "quit" }>): string {
  if (command.kind === "acknowledge") return `Acknowledge ${command.alert}`;
  const names = { pause: "Pause", resume: "Resume", promote: "Promote", rollback: "Roll back" };
  return `${names[command.command]} ${command.experiment}`;
}

function whyNot(error: unknown): string {
  if (!(error instanceof SluiceError)) return String(error);
  return error.detail === "" ? error.message : error.detail;
}
