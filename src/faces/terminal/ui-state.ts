import type { Alert } from "./model.ts";
import { plannedPercent } from "./numbers.ts";
import { controlOf, treatmentOf, type Subject } from "./subjects.ts";
import { neutralise } from "./text.ts";
import type { Tone } from "./line.ts";

/** What the keys have done to the screen, and what they ask Sluice to do. */

export type UiState = {
  /** Key of the experiment that was moved to; the first one until then. */
  readonly selected: string | null;
  readonly focus: "experiments" | "alerts";
  /** The alert that was moved to; the first one until then. */
  readonly alert: string | null;
  readonly view: "overview" | "detail" | "help";
  /** Lines of the detail or the help that were scrolled past. */
  readonly scroll: number;
  readonly filter: string;
  readonly isFiltering: boolean;
  readonly question: Question | null;
  readonly message: { readonly text: string; readonly tone: Tone } | null;
};

/** What is asked before it is done. */
export type Question = { readonly text: string; readonly command: UiCommand };

/** What is to be done outside of the screen. */
export type UiCommand =
  | {
      readonly kind: "rollout";
      readonly experiment: string;
      readonly command: "pause" | "resume" | "promote" | "rollback";
    }
  | {
      readonly kind: "experiment";
      readonly experiment: string;
      readonly command: "pause" | "resume";
    }
  | { readonly kind: "acknowledge"; readonly alert: string }
  | { readonly kind: "quit" };

export const firstUi: UiState = {
  selected: null,
  focus: "experiments",
  alert: null,
  view: "overview",
  scroll: 0,
  filter: "",
  isFiltering: false,
  question: null,
  message: null,
};

export type KeyName =
  | "up"
  | "down"
  | "left"
  | "right"
  | "pageUp"
  | "pageDown"
  | "home"
  | "end"
  | "tab"
  | "backTab"
  | "enter"
  | "escape"
  | "backspace"
  /** Ctrl-C. */
  | "interrupt";

/** A key press: a printable sign, or a named key. */
export type Press = { readonly sign: string } | { readonly key: KeyName };

/** What there is to move in. */
export type Scene = {
  readonly visible: readonly Subject[];
  readonly selected: Subject | null;
  readonly alerts: readonly Alert[];
};

export type Pressed = { readonly ui: UiState; readonly command: UiCommand | null };

const filterLengthMax = 100;
const page = 10;

/** What a key does. */
export function press(ui: UiState, pressed: Press, scene: Scene): Pressed {
  if ("key" in pressed && pressed.key === "interrupt") {
    return { ui, command: { kind: "quit" } };
  }
  if (ui.question !== null) return answer(ui, ui.question, pressed);
  if (ui.isFiltering) return stay(typeFilter(ui, pressed));
  const quiet: UiState = ui.message === null ? ui : { ...ui, message: null };
  return "sign" in pressed ? letter(quiet, pressed.sign, scene) : move(quiet, pressed.key, scene);
}

function stay(ui: UiState): Pressed {
  return { ui, command: null };
}

function say(ui: UiState, text: string, tone: Tone = "warn"): Pressed {
  return stay({ ...ui, message: { text, tone } });
}

/** Only a plain y is a yes; Escape, n and q take it back, and everything else is not heard. */
function answer(ui: UiState, question: Question, pressed: Press): Pressed {
  if ("sign" in pressed && pressed.sign === "y") {
    return { ui: { ...ui, question: null }, command: question.command };
  }
  const isNo =
    "sign" in pressed ? ["n", "N", "q"].includes(pressed.sign) : pressed.key === "escape";
  return isNo ? say({ ...ui, question: null }, "Nothing was done", "calm") : stay(ui);
}

function typeFilter(ui: UiState, pressed: Press): UiState {
  if ("sign" in pressed) {
    const filter = (ui.filter + neutralise(pressed.sign)).slice(0, filterLengthMax);
    return { ...ui, filter };
  }
  switch (pressed.key) {
    case "escape":
      return { ...ui, isFiltering: false, filter: "" };
    case "enter":
    case "down":
    case "up":
    case "tab":
      return { ...ui, isFiltering: false };
    case "backspace":
      return { ...ui, filter: Array.from(ui.filter).slice(0, -1).join("") };
    default:
      return ui;
  }
}

function letter(ui: UiState, sign: string, scene: Scene): Pressed {
  switch (sign) {
    case "q":
      return { ui, command: { kind: "quit" } };
    case "j":
      return move(ui, "down", scene);
    case "k":
      return move(ui, "up", scene);
    case "h":
      return move(ui, "left", scene);
    case "l":
      return move(ui, "right", scene);
    case "g":
      return move(ui, "home", scene);
    case "G":
      return move(ui, "end", scene);
    case " ":
      return move(ui, "pageDown", scene);
    case "?":
      return stay({ ...ui, view: ui.view === "help" ? "overview" : "help", scroll: 0 });
    case "/":
      return stay({ ...ui, view: "overview", focus: "experiments", isFiltering: true });
    case "a":
      return acknowledge(ui, scene);
    case "p":
      return steer(ui, scene, "pause");
    case "r":
      return steer(ui, scene, "resume");
    case "P":
      return steer(ui, scene, "promote");
    case "b":
      return askRollback(ui, scene);
    default:
      return stay(ui);
  }
}

function steer(ui: UiState, { selected }: Scene, command: "pause" | "resume" | "promote"): Pressed {
  if (selected === null) return say(ui, "There is no experiment here");
  const { key: experiment, name, rollout, life } = selected;
  if (rollout !== null) return { ui, command: { kind: "rollout", experiment, command } };
  if (life === null) return say(ui, `${name} is a fixed split: there is nothing to ${command}`);
  if (command !== "promote") return { ui, command: { kind: "experiment", experiment, command } };
  return say(ui, `${name} is an A/B experiment: it has no steps to promote`);
}

function askRollback(ui: UiState, { selected }: Scene): Pressed {
  if (selected === null) return say(ui, "There is no experiment here");
  const { key: experiment, name, rollout } = selected;
  if (rollout === null) {
    return say(ui, `${name} is no rollout; sluice experiment stop ${name} ends an A/B experiment`);
  }
  if (rollout.phase === "rolled_back") return say(ui, `${name} is rolled back already`);
  const command = { kind: "rollout", experiment, command: "rollback" } as const;
  return stay({ ...ui, message: null, question: { text: rollbackQuestion(selected), command } });
}

/** What a rollback would do, to how many. */
export function rollbackQuestion(subject: Subject): string {
  const { name, rollout } = subject;
  const [treatment, control] = [treatmentOf(subject), controlOf(subject)];
  const users = rollout?.users ?? 0;
  const share = rollout?.share ?? 0;
  if (share === 0 && users === 0) {
    return `Roll back ${name}? Nobody has ${treatment} now; it will not start again by itself.`;
  }
  if (users === 0) {
    return `Roll back ${name}? All users of ${treatment} (${plannedPercent(share)} of all) get ${control} at once.`;
  }
  const people = `${users.toLocaleString("en-US")} ${users === 1 ? "user" : "users"}`;
  return `Roll back ${name}? ${people} seen with ${treatment} in this step (${plannedPercent(share)} of all) get ${control} at once.`;
}

function acknowledge(ui: UiState, { alerts, selected }: Scene): Pressed {
  const open = alerts.filter(
    ({ status, acknowledged_by: by }) => status === "firing" && by === null,
  );
  const chosen =
    ui.focus === "alerts"
      ? (alerts.find(({ alert }) => alert === ui.alert) ?? alerts[0])
      : (open.find(({ experiment }) => experiment === selected?.key) ?? open[0]);
  if (chosen === undefined) return say(ui, "There is no alert to acknowledge", "calm");
  if (chosen.status !== "firing") return say(ui, `${neutralise(chosen.alert)} does not fire yet`);
  if (chosen.acknowledged_by !== null) {
    return say(ui, `${neutralise(chosen.alert)} is acknowledged already`, "calm");
  }
  return { ui, command: { kind: "acknowledge", alert: chosen.alert } };
}

function move(ui: UiState, key: KeyName, scene: Scene): Pressed {
  if (key === "escape") {
    if (ui.view !== "overview") return stay({ ...ui, view: "overview", scroll: 0 });
    return stay(ui.filter === "" ? ui : { ...ui, filter: "" });
  }
  if (key === "enter") {
    const view = ui.view === "overview" && scene.selected !== null ? "detail" : "overview";
    return stay({ ...ui, view, scroll: 0 });
  }
  if (key === "tab" || key === "backTab") return stay(turn(ui, key, scene));
  if (ui.view === "help") return stay(scroll(ui, key));
  if (ui.view === "detail") {
    if (key === "left" || key === "right") {
      return stay({ ...step(ui, scene, key === "left" ? "up" : "down"), scroll: 0 });
    }
    return stay(scroll(ui, key));
  }
  return stay(step(ui, scene, key === "left" ? "up" : key === "right" ? "down" : key));
}

/** Tab goes from the experiments to the alerts and back; in the detail, from experiment to experiment. */
function turn(ui: UiState, key: "tab" | "backTab", scene: Scene): UiState {
  if (ui.view === "detail") {
    return { ...step(ui, scene, key === "tab" ? "down" : "up"), scroll: 0 };
  }
  if (ui.view === "help") return ui;
  const focus = ui.focus === "experiments" && scene.alerts.length > 0 ? "alerts" : "experiments";
  return { ...ui, focus };
}

type Way = KeyName;

function step(ui: UiState, scene: Scene, way: Way): UiState {
  if (ui.focus === "alerts" && ui.view === "overview") {
    const names = scene.alerts.map(({ alert }) => alert);
    return { ...ui, alert: neighbour(names, ui.alert, way) };
  }
  const keys = scene.visible.map(({ key }) => key);
  return { ...ui, selected: neighbour(keys, scene.selected?.key ?? null, way) };
}

function neighbour(names: readonly string[], from: string | null, way: Way): string | null {
  const at = Math.max(0, from === null ? 0 : names.indexOf(from));
  return names[offset(at, way, names.length - 1)] ?? null;
}

function scroll(ui: UiState, way: Way): UiState {
  return { ...ui, scroll: offset(ui.scroll, way, 10_000) };
}

function offset(at: number, way: Way, last: number): number {
  const by: Partial<Record<Way, number>> = { up: -1, down: 1, pageUp: -page, pageDown: page };
  if (way === "home") return 0;
  if (way === "end") return Math.max(0, last);
  return Math.min(Math.max(0, last), Math.max(0, at + (by[way] ?? 0)));
}
