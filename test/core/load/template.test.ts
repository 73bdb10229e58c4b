import { describe, expect, it } from "vitest";
import { dataFormatOf, parseDataLines } from "../../../src/core/load/data-lines.ts";
import { loadLimits } from "../../../src/core/load/plan.ts";
import {
  parseTemplate,
  type TemplatePlace,
  type TemplateValues,
} from "../../../src/core/load/template.ts";
import { createRandom } from "../../../src/core/statistics/random.ts";

const values: TemplateValues = {
  user: "user-0007",
  request: 3,
  line: { text: 'say "hi"\n', fields: { name: "Ångström & co", empty: "" } },
  random: createRandom(1),
};

function render(text: string, place: TemplatePlace = "text", given = values): string {
  const template = parseTemplate(text, place);
  if (!template.ok) throw new Error(template.error);
  return template.value.render(given);
}

describe("a template", () => {
  it.each([
    ["nothing to fill in", "text", "nothing to fill in"],
    ["{{user}} asked {{ request }}", "text", "user-0007 asked 3"],
    ['{"q":"{{line}}"}', "json", '{"q":"say \\"hi\\"\\n"}'],
    ["{{line}}", "text", 'say "hi"\n'],
    ["/find?q={{data.name}}", "path", "/find?q=%C3%85ngstr%C3%B6m%20%26%20co"],
    ["x{{line}}y", "header", 'xsay "hi"?y'],
    ["{{data.empty}}|", "text", "|"],
    ["{single} {{{user}}}", "text", "{single} {user-0007}"],
  ] as const)("%s, in %s", (text, place, expected) => {
    expect(render(text, place)).toBe(expected);
  });

  it("numbers are within their bounds, both included", () => {
    const random = createRandom(5);
    const drawn = Array.from({ length: 2000 }, () =>
      Number(render("{{random -1 2}}", "text", { ...values, random })),
    );
    expect(new Set(drawn)).toEqual(new Set([-1, 0, 1, 2]));
  });

  it("UUIDs are of version 4, differ, and come again with the same seed", () => {
    const draw = () => {
      const random = createRandom(9);
      return Array.from({ length: 500 }, () => render("{{uuid}}", "text", { ...values, random }));
    };
    const uuids = draw();
    for (const uuid of uuids) {
      expect(uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    }
    expect(new Set(uuids).size).toBe(500);
    expect(draw()).toEqual(uuids);
  });

  it("says whether it is the same for every request, and what it needs", () => {
    expect(parseTemplate("same", "text")).toMatchObject({
      ok: true,
      value: { constant: "same", needsLine: false },
    });
    expect(parseTemplate("{{data.a}}{{line}}{{data.b}}", "text")).toMatchObject({
      ok: true,
      value: { constant: null, needsLine: true, fields: ["a", "b"] },
    });
  });

  it.each([
    ["{{usr}}", 'did you mean "user"?'],
    ["{{}}", "no value is named"],
    ["{{random 5}}", "no value is named random 5"],
    ["{{random 5 1}}", "must not be above"],
    ["{{data.}}", "no value is named"],
  ])("%s is refused", (text, message) => {
    const parsed = parseTemplate(text, "text");
    expect(parsed.ok ? null : parsed.error).toContain(message);
  });
});

describe("a body file", () => {
  it.each([
    ["a.jsonl", "jsonl"],
    ["a.NDJSON", "jsonl"],
    ["b.csv", "csv"],
    ["c.txt", "text"],
    ["d", "text"],
  ])("%s is %s", (name, format) => {
    expect(dataFormatOf(name)).toBe(format);
  });

  it.each([
    [
      "text",
      "\uFEFFone\r\n\n two \nthree",
      [
        ["one", {}],
        [" two ", {}],
        ["three", {}],
      ],
    ],
    [
      "jsonl",
      '{"q":"x","n":1}\n[1]\n',
      [
        ['{"q":"x","n":1}', { q: "x", n: "1" }],
        ["[1]", {}],
      ],
    ],
    ["csv", 'q,user\n"a, b",ann\n', [['{"q":"a, b","user":"ann"}', { q: "a, b", user: "ann" }]]],
  ] as const)("of %s", (format, text, expected) => {
    const parsed = parseDataLines(text, format);
    expect(parsed.ok && parsed.value.map((line) => [line.text, line.fields])).toEqual(expected);
  });

  it.each([
    ["text", "\n \n", "has no lines"],
    ["jsonl", '{"a":1}\n{"a":', "line 2 is not JSON"],
    ["csv", "a,b\n1\n", "is not CSV"],
  ] as const)("of %s that cannot be used", (format, text, message) => {
    const parsed = parseDataLines(text, format);
    expect(parsed.ok ? null : parsed.error).toContain(message);
  });

  it("has as many lines as are read, and not one more", () => {
    const lines = "x\n".repeat(loadLimits.dataLinesMax);
    expect(parseDataLines(lines, "text").ok).toBe(true);
    const more = parseDataLines(`${lines}x`, "text");
    expect(more.ok ? null : more.error).toContain("at most 200000 are read");
  });
});
