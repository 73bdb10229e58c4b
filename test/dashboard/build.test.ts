import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildPage } from "./built-page.ts";

/** What a browser loads before it shows the page. */
const firstLoadBytesMax = 150_000;

let page: Awaited<ReturnType<typeof buildPage>>;
let folder = "";

const files = () =>
  readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) =>
    statSync(join(folder, name)).isFile(),
  );
const read = (name: string) => readFileSync(join(folder, name), "utf8");

beforeAll(async () => {
  page = await buildPage();
  ({ folder } = page);
});
afterAll(() => page.remove());

describe("the built page", () => {
  it("is under 150 kB compressed, whichever coding the browser takes", () => {
    for (const coding of ["br", "gz"]) {
      const loaded = files().filter((name) => name.endsWith(`.${coding}`));
      const bytes = loaded.reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
      expect(loaded.length).toBeGreaterThan(2);
      expect(bytes).toBeLessThan(firstLoadBytesMax);
    }
  });

  it("has the same bytes beside each file, compressed", () => {
    const plain = files().filter((name) => /\.(?:html|js|css|svg)$/.test(name));
    expect(plain.length).toBeGreaterThan(2);
    for (const name of plain) {
      const bytes = readFileSync(join(folder, name));
      expect(brotliDecompressSync(readFileSync(join(folder, `${name}.br`)))).toEqual(bytes);
      expect(gunzipSync(readFileSync(join(folder, `${name}.gz`)))).toEqual(bytes);
    }
  });

  it("refers to nothing outside of itself", () => {
    const addresses = files()
      .filter((name) => /\.(?:html|js|css|svg)$/.test(name))
      .flatMap(
        (name) => read(name).match(/(?:https?:|wss?:)?\/\/[a-z0-9.-]+\.[a-z]+[^\s"'`)]*/gi) ?? [],
      );
    // Names of languages that elements are in, not places that anything is loaded from.
    const namespaces = /^http:\/\/www\.w3\.org\//;
    expect(addresses.filter((address) => !namespaces.test(address))).toEqual([]);
  });

  it("has names of its content, so that a browser may keep its files for ever", () => {
    const assets = files().filter((name) => name.startsWith("assets/"));
    expect(assets.length).toBeGreaterThan(2);
    for (const name of assets) expect(name).toMatch(/-[\w-]{8}\.(?:js|css|svg)(?:\.br|\.gz)?$/);
  });

  it("has neither script nor style inside its HTML, as the Content-Security-Policy asks", () => {
    const html = read("index.html");
    expect(html).not.toMatch(/<style|\sstyle=|\son[a-z]+=|javascript:/i);
    expect(Array.from(html.matchAll(/<script([^>]*)>([^<]*)/g), ([, , text]) => text)).toEqual([
      "",
    ]);
    expect(html).toMatch(/<script type="module" crossorigin src="\.\/assets\//);
  });
});
