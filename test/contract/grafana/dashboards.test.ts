import { describe, expect, it, test } from "vitest";
import { dashboards, render } from "../../../config/grafana/source/dashboards.ts";
import { filledIn, grafanaDashboards, grafanaFiles } from "../../support/grafana.ts";

test("the files are what their source makes; else `npm run build:grafana`", () => {
  const made = new Map(Array.from(dashboards, ([file, one]) => [file, render(one)]));
  const committed = grafanaFiles();
  expect([...committed.keys()].toSorted()).toEqual([...made.keys()].toSorted());
  for (const [file, text] of committed)
    expect([file, text === made.get(file)]).toEqual([file, true]);
});

test("no two have the same id or title", () => {
  const all = grafanaDashboards();
  for (const field of ["uid", "title"] as const) {
    expect(new Set(all.map((one) => one[field])).size).toBe(all.length);
  }
});

describe.each(grafanaDashboards())("$title", (dashboard) => {
  const panels = dashboard.panels.filter(({ type }) => type !== "row");

  it("says what it is for, and is found with its kin", () => {
    expect(dashboard.description).not.toBe("");
    expect(dashboard.tags).toEqual(["sluice"]);
  });

  it("asks the data source that its variable names, and no other", () => {
    const source = expect.objectContaining({ uid: "${datasource}" }) as unknown;
    for (const { datasource, targets = [] } of panels) {
      expect(datasource).toEqual(source);
      for (const target of targets) expect(target.datasource).toEqual(source);
    }
    for (const asked of [...dashboard.templating.list.slice(1), ...dashboard.annotations.list]) {
      expect(asked).toHaveProperty("datasource.uid", "${datasource}");
    }
    expect(dashboard.templating.list.map(({ name }) => name)[0]).toBe("datasource");
  });

  it("has a title, a description and a unit on every panel", () => {
    for (const { title, description, fieldConfig } of panels) {
      expect(title).not.toBe("");
      expect(`${title}: ${description}`).toMatch(/: [A-Z0-9`].*\.$/);
      expect(`${title}: ${fieldConfig?.defaults.unit}`).toMatch(
        /: (?:short|s|bytes|percentunit|reqps|cps)$/,
      );
    }
  });

  it("has every number once, and no title twice in one row", () => {
    const ids = dashboard.panels.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    let titles: string[] = [];
    for (const { type, title } of dashboard.panels) {
      if (type === "row") titles = [];
      expect(titles).not.toContain(title);
      titles.push(title);
    }
    for (const { targets = [] } of panels) {
      const refs = targets.map(({ refId }) => refId);
      expect(new Set(refs).size).toBe(refs.length);
    }
  });

  it("leaves no hole in its grid", () => {
    const lines = Map.groupBy(dashboard.panels, ({ gridPos }) => gridPos.y);
    for (const [y, line] of lines) {
      expect([y, line.reduce((columns, { gridPos }) => columns + gridPos.w, 0)]).toEqual([y, 24]);
    }
  });

  it("uses only variables that it has", () => {
    const names = new Set(dashboard.templating.list.map(({ name }) => name));
    const exprs = [
      ...panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
      ...dashboard.annotations.list.map(({ expr }) => expr),
    ];
    for (const expr of exprs) {
      for (const [, name = ""] of expr.matchAll(/\$(\w+)/g)) {
        if (!name.startsWith("__")) expect([...names]).toContain(name);
      }
      expect(filledIn(expr)).not.toContain("$");
    }
  });
});
