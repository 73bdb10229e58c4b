import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ok } from "../../src/base/result.ts";
import { openConfigFile } from "../../src/control/config-file.ts";
import { watchDirectories } from "../../src/control/reload-watch.ts";
import { loadConfig } from "../../src/control/reload.ts";
import { fileLimits } from "../../src/core/config/defaults.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sluice-watch-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** Resolves at the first change after `act`; the test's own time limit is the failure. */
async function seen(path: string, act: () => void): Promise<"seen"> {
  const { promise, resolve } = Promise.withResolvers<"seen">();
  const end = watchDirectories([path], () => resolve("seen"));
  act();
  const answer = await promise;
  end();
  return answer;
}

describe("the real watcher", () => {
  it("sees an edit in place and an editor's replacement by rename", async () => {
    const path = join(folder, "c.yaml");
    writeFileSync(path, "1");
    expect(await seen(path, () => writeFileSync(path, "2"))).toBe("seen");
    const replaced = await seen(path, () => {
      writeFileSync(join(folder, "c.yaml~"), "3");
      renameSync(join(folder, "c.yaml~"), path);
    });
    expect(replaced).toBe("seen");
  });

  it("sees Kubernetes swap a ConfigMap", async () => {
    for (const version of ["..1", "..2"]) {
      mkdirSync(join(folder, version));
      writeFileSync(join(folder, version, "c.yaml"), version);
    }
    symlinkSync("..1", join(folder, "..data"));
    symlinkSync(join("..data", "c.yaml"), join(folder, "c.yaml"));
    const path = join(folder, "c.yaml");
    await seen(path, () => {
      symlinkSync("..2", join(folder, "..data_tmp"));
      renameSync(join(folder, "..data_tmp"), join(folder, "..data"));
    });
    expect(openConfigFile(path).read()).toEqual(ok("..2"));
  });

  it("does not mind a folder that is not there", () => {
    expect(() => watchDirectories([join(folder, "no", "c.yaml")], () => {})()).not.toThrow();
  });
});

describe("the file itself", () => {
  it("follows a link to the real file", () => {
    mkdirSync(join(folder, "real"));
    writeFileSync(join(folder, "real", "c.yaml"), "old");
    symlinkSync(join("real", "c.yaml"), join(folder, "link.yaml"));
    expect(openConfigFile(join(folder, "link.yaml")).write("new").ok).toBe(true);
    expect(readFileSync(join(folder, "real", "c.yaml"), "utf8")).toBe("new");
    expect(readdirSync(folder).toSorted()).toEqual(["link.yaml", "real"]);
  });

  it("is read up to its limit", () => {
    const path = join(folder, "big");
    writeFileSync(path, "x".repeat(fileLimits.bytesMax));
    expect(openConfigFile(path).read().ok).toBe(true);
    writeFileSync(path, "x".repeat(fileLimits.bytesMax + 1));
    expect(openConfigFile(path).read()).toMatchObject({ ok: false });
  });

  it("is an issue like any other when it is not there", () => {
    expect(loadConfig(openConfigFile(join(folder, "none")), { env: {}, cores: 1 })).toMatchObject({
      ok: false,
      error: [{ code: "file_unreadable", line: null }],
    });
  });
});
