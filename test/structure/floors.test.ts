import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, it } from "vitest";

/** The floors of design.md: imports go down only, never sideways between data, control and faces. */
const floors: Record<string, number> = {
  base: 0,
  core: 1,
  wire: 2,
  data: 3,
  control: 3,
  faces: 4,
  main: 5,
};
const sourceRoot = resolve(import.meta.dirname, "../../src");
const files = readdirSync(sourceRoot, { recursive: true, encoding: "utf8" })
  .filter((name) => /\.(?:tsx?|js)$/.test(name) && !name.endsWith(".d.ts"))
  .map((name) => join(sourceRoot, name));

type Import = { readonly from: string; readonly to: string; readonly typeOnly: boolean };

function importsOf(file: string): { specifier: string; typeOnly: boolean }[] {
  const text = readFileSync(file, "utf8");
  const found = text.matchAll(
    /^(?:import|export)(\s+type)?\s[^;"']*?from\s+["']([^"']+)["']|^import\s+["']([^"']+)["']|import\(["']([^"']+)["']\)/gm,
  );
  return Array.from(found, ([, type, from, bare, dynamic]) => ({
    specifier: (from ?? bare ?? dynamic) as string,
    typeOnly: type !== undefined,
  }));
}

const local: Import[] = files.flatMap((file) =>
  importsOf(file)
    .filter(({ specifier }) => specifier.startsWith("."))
    .map(({ specifier, typeOnly }) => ({
      from: file,
      to: resolve(dirname(file), specifier),
      typeOnly,
    })),
);

function part(file: string): string {
  return relative(sourceRoot, file).split("/")[0] as string;
}

function shown({ from, to }: Import): string {
  return `${relative(sourceRoot, from)} → ${relative(sourceRoot, to)}`;
}

describe("the floors", () => {
  it("every file stands on one", () => {
    expect(files.length).toBeGreaterThan(50);
    expect(files.filter((file) => floors[part(file)] === undefined)).toEqual([]);
  });

  it("imports go down only, and never sideways", () => {
    const wrong = local.filter(({ from, to }) => {
      const source = part(from);
      const target = part(to);
      return source !== target && (floors[target] as number) >= (floors[source] as number);
    });
    expect(wrong.map(shown)).toEqual([]);
  });

  it("base and core touch no Node module, clock, chance or environment", () => {
    const pure = files.filter((file) => ["base", "core"].includes(part(file)));
    const modules = pure.flatMap((file) =>
      importsOf(file)
        .filter(({ specifier }) => specifier.startsWith("node:"))
        .map(({ specifier }) => `${relative(sourceRoot, file)} imports ${specifier}`),
    );
    expect(modules).toEqual([]);
    const globals =
      /\b(?:Date\.now|new Date\(\)|performance\.|Math\.random|setTimeout|setInterval|process\.|globalThis\.crypto|fetch\()/;
    const impure = pure.filter((file) => globals.test(withoutComments(readFileSync(file, "utf8"))));
    expect(impure.map((file) => relative(sourceRoot, file))).toEqual([]);
  });

  it("only main touches the real clock, chance and environment, and in the browser one file", () => {
    const inBrowser = "faces/dashboard/system.ts";
    const forbidden = /\b(?:Date\.now\(|performance\.now\(|Math\.random\(|process\.env\b)/;
    const others = files.filter(
      (file) =>
        part(file) !== "main" &&
        relative(sourceRoot, file) !== inBrowser &&
        forbidden.test(withoutComments(readFileSync(file, "utf8"))),
    );
    expect(others.map((file) => relative(sourceRoot, file))).toEqual([]);
  });
});

function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[^]*?\*\//g, "").replaceAll(/^\s*\/\/.*$/gm, "");
}

describe("the page in the browser", () => {
  const tools = new Set(["build.js", "precompress.ts", "vite.config.ts"]);
  const page = files.filter(
    (file) =>
      relative(sourceRoot, file).startsWith("faces/dashboard/") &&
      !tools.has(relative(join(sourceRoot, "faces/dashboard"), file)),
  );

  it("imports no module of Node and no other face, and of the wire types alone", () => {
    expect(page.length).toBeGreaterThan(20);
    const wrong = page.flatMap((file) =>
      importsOf(file)
        .filter(
          ({ specifier, typeOnly }) =>
            specifier.startsWith("node:") ||
            /^(?:faces\/(?!dashboard)|main\/)/.test(
              relative(sourceRoot, resolve(dirname(file), specifier)),
            ) ||
            (/\/wire\//.test(specifier) && !typeOnly),
        )
        .map(({ specifier }) => `${relative(sourceRoot, file)} imports ${specifier}`),
    );
    expect(wrong).toEqual([]);
  });
});

describe("cycles", () => {
  it("there are none among imports that exist at run time", () => {
    const edges = new Map<string, string[]>();
    for (const { from, to, typeOnly } of local) {
      if (!typeOnly) edges.set(from, [...(edges.get(from) ?? []), to]);
    }
    const state = new Map<string, "open" | "done">();
    const cycles: string[] = [];
    const visit = (file: string, path: string[]): void => {
      if (state.get(file) === "done") return;
      if (state.get(file) === "open") {
        cycles.push(
          [...path.slice(path.indexOf(file)), file]
            .map((at) => relative(sourceRoot, at))
            .join(" → "),
        );
        return;
      }
      state.set(file, "open");
      for (const next of edges.get(file) ?? []) visit(next, [...path, file]);
      state.set(file, "done");
    };
    for (const file of files) visit(file, []);
    expect(cycles).toEqual([]);
  });
});

describe("size", () => {
  it("no source file is over 400 lines", () => {
    const long = files
      .map((file) => ({
        name: relative(sourceRoot, file),
        lines: readFileSync(file, "utf8").split("\n").length,
      }))
      .filter(({ name, lines }) => lines > 400 && !name.endsWith("questions.ts"));
    expect(long).toEqual([]);
  });
});
