import type { Key } from "ink";
import { describe, expect, it } from "vitest";
import { pressesOf } from "../../../src/faces/terminal/app.ts";
import { sceneOf } from "../../../src/faces/terminal/scene.ts";
import {
  firstUi,
  press,
  type Press,
  type Pressed,
  type UiState,
} from "../../../src/faces/terminal/ui-state.ts";
import type { LiveDocument } from "../../../src/wire/live.ts";
import { liveDocument } from "./document.ts";

/** Signs are typed; names in angle brackets are keys. */
function type(text: string, from: Partial<UiState> = {}, document: LiveDocument = liveDocument) {
  let pressed: Pressed = { ui: { ...firstUi, ...from }, command: null };
  for (const [, key, sign] of text.matchAll(/<(\w+)>|(.)/gu)) {
    const next = key === undefined ? { sign: sign ?? "" } : ({ key } as Press);
    pressed = press(pressed.ui, next, sceneOf(document, pressed.ui));
  }
  return pressed;
}

const onRollout = { selected: "openviking_vs_smp" };

describe("moving", () => {
  it.each([
    ["", null],
    ["j", "chunk_size"],
    ["jj", "openviking_vs_smp"],
    ["jjk", "chunk_size"],
    ["k", "by_region"],
    ["<down><down><down><down><down>", "reranker"],
    ["G", "reranker"],
    ["Gg", "by_region"],
    ["<pageDown>", "reranker"],
  ])("%s selects %s", (keys, selected) => {
    expect(type(keys).ui.selected).toBe(selected);
  });

  it("opens and closes the detail, and goes on to the next one in it", () => {
    expect(type("<enter>").ui.view).toBe("detail");
    expect(type("<enter><enter>").ui.view).toBe("overview");
    expect(type("<enter><escape>").ui.view).toBe("overview");
    expect(type("<enter><tab>").ui).toMatchObject({ view: "detail", selected: "chunk_size" });
    expect(type("<enter>jjk").ui).toMatchObject({ scroll: 1, selected: null });
  });

  it("goes to the alerts and back", () => {
    expect(type("<tab>").ui.focus).toBe("alerts");
    expect(type("<tab><tab>").ui.focus).toBe("experiments");
    const { alerts } = liveDocument;
    const quiet = { ...liveDocument, alerts: { ...alerts, alerts: {} } };
    expect(type("<tab>", {}, quiet).ui.focus).toBe("experiments");
  });

  it("filters while one types, and keeps what was typed until Escape", () => {
    expect(type("/rer").ui).toMatchObject({ filter: "rer", isFiltering: true });
    const kept = type("/rerx<backspace><enter>").ui;
    expect(kept).toMatchObject({ filter: "rer", isFiltering: false });
    expect(sceneOf(liveDocument, kept).selected?.key).toBe("reranker");
    expect(type("/rer<enter><escape>").ui.filter).toBe("");
    // Commands are letters there.
    expect(type("/bqp")).toMatchObject({ ui: { filter: "bqp", question: null }, command: null });
    expect(type(`/${"x".repeat(300)}`).ui.filter).toHaveLength(100);
  });
});

describe("steering", () => {
  it.each([
    ["p", "pause"],
    ["r", "resume"],
    ["P", "promote"],
  ])("%s is %s at once", (key, command) => {
    expect(type(key, onRollout).command).toEqual({
      kind: "rollout",
      experiment: "openviking_vs_smp",
      command,
    });
  });

  it("asks before it rolls back, and says what that does to how many", () => {
    const { ui, command } = type("b", onRollout);
    expect(command).toBeNull();
    expect(ui.question?.text).toBe(
      "Roll back openviking_vs_smp? 312 users seen with openviking in this step (25% of all) get smp at once.",
    );
    expect(type("by", onRollout).command).toEqual({
      kind: "rollout",
      experiment: "openviking_vs_smp",
      command: "rollback",
    });
  });

  it.each(["b<escape>", "bn", "bN", "bq"])("%s does nothing", (keys) => {
    const { ui, command } = type(keys, onRollout);
    expect(command).toBeNull();
    expect(ui).toMatchObject({ question: null, message: { text: "Nothing was done" } });
  });

  it.each(["bY", "b<enter>", "b ", "bb", "bj", "b<tab>"])("%s is no answer", (keys) => {
    const { ui, command } = type(keys, onRollout);
    expect(command).toBeNull();
    expect(ui.question).not.toBeNull();
  });

  it("says why something is not possible", () => {
    expect(type("b", { selected: "reranker" }).ui.message?.text).toMatch(/rolled back already/);
    expect(type("b", { selected: "chunk_size" }).ui.message?.text).toMatch(/is no rollout/);
    expect(type("p", { selected: "by_region" }).ui.message?.text).toMatch(/is a fixed split/);
    expect(type("P", { selected: "chunk_size" }).ui.message?.text).toMatch(/no steps to promote/);
    expect(type("p", { selected: "chunk_size" }).command).toMatchObject({ kind: "experiment" });
    const empty = { ...liveDocument, traffic: {}, rollouts: {}, experiments: {} };
    expect(type("b", {}, empty).ui.message?.text).toMatch(/no experiment/);
  });

  it("acknowledges the first alert that nobody has seen, or the marked one", () => {
    const alert = "upstream_unhealthy//reranker";
    expect(type("a").command).toEqual({ kind: "acknowledge", alert });
    expect(type("<tab>a").command).toEqual({ kind: "acknowledge", alert });
    const { alerts } = liveDocument;
    const [one] = Object.values(alerts.alerts);
    const seen = { [alert]: { ...one!, acknowledged_by: "ann" } };
    const document = { ...liveDocument, alerts: { ...alerts, alerts: seen } };
    expect(type("a", {}, document).command).toBeNull();
    expect(type("<tab>a", {}, document).ui.message?.text).toMatch(/acknowledged already/);
  });

  it.each(["q", "<interrupt>", "b<interrupt>", "/<interrupt>", "?q"])("%s quits", (keys) => {
    expect(type(keys, onRollout).command).toEqual({ kind: "quit" });
  });
});

it("reads what a terminal sends at once as one key after the other", () => {
  const none = {} as Key;
  expect(pressesOf("jjb", none)).toEqual([{ sign: "j" }, { sign: "j" }, { sign: "b" }]);
  expect(pressesOf("", { ...none, upArrow: true })).toEqual([{ key: "up" }]);
  expect(pressesOf("c", { ...none, ctrl: true })).toEqual([{ key: "interrupt" }]);
  expect(pressesOf("b", { ...none, ctrl: true })).toEqual([]);
  expect(pressesOf("y", { ...none, meta: true })).toEqual([]);
  expect(pressesOf("", { ...none, tab: true, shift: true })).toEqual([{ key: "backTab" }]);
  expect(pressesOf("", { ...none, delete: true })).toEqual([{ key: "backspace" }]);
});
