import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brotliCompressSync, brotliDecompressSync, gunzipSync, gzipSync } from "node:zlib";
import { request } from "node:http";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readPage } from "../../../src/faces/admin/page-files.ts";
import { ask, openAdmin } from "./admin-port.ts";
import type { AdminPort } from "./admin-port.ts";

const index = '<!doctype html><script type="module" src="/assets/index-a1b2c3d4.js"></script>';
const script = `console.log(${JSON.stringify("x".repeat(2000))});`;
const asset = "/assets/index-a1b2c3d4.js";

let folder: string;
let admin: AdminPort | null = null;

function put(name: string, content: string | Buffer): void {
  const path = join(folder, "dashboard", name);
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, content);
}

const open = async (options: Parameters<typeof openAdmin>[0] = {}) =>
  (admin = await openAdmin({ page: readPage(join(folder, "dashboard")), ...options }));

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sluice-page-"));
  put("index.html", index);
  put("favicon.svg", "<svg/>");
  put("assets/index-a1b2c3d4.js", script);
  put("assets/index-a1b2c3d4.js.br", brotliCompressSync(script));
  put("assets/index-a1b2c3d4.js.gz", gzipSync(script));
  put("assets/index-a1b2c3d4.css", "body{}");
});
afterEach(async () => {
  await admin?.close();
  admin = null;
  rmSync(folder, { recursive: true });
});

describe("the dashboard's files", () => {
  it.each([
    ["/", "text/html; charset=utf-8", "no-cache"],
    ["/index.html", "text/html; charset=utf-8", "no-cache"],
    ["/favicon.svg", "image/svg+xml", "no-cache"],
    [asset, "text/javascript; charset=utf-8", "public, max-age=31536000, immutable"],
    [
      "/assets/index-a1b2c3d4.css",
      "text/css; charset=utf-8",
      "public, max-age=31536000, immutable",
    ],
  ])("%s is %s, kept as %s", async (path, type, kept) => {
    const { port } = await open();
    const { status, headers } = await ask(port, path);
    expect(status).toBe(200);
    expect(headers["content-type"]).toBe(type);
    expect(headers["cache-control"]).toBe(kept);
  });

  it("come under a policy that lets nothing in from elsewhere", async () => {
    const { port } = await open();
    const { headers } = await ask(port, "/");
    const policy = String(headers["content-security-policy"]).split("; ");
    expect(policy).toEqual([
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "img-src 'self' data:",
      "font-src 'self'",
      "connect-src 'self'",
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
      "require-trusted-types-for 'script'",
      "trusted-types 'none'",
    ]);
    expect(headers).toMatchObject({
      "cross-origin-opener-policy": "same-origin",
      "cross-origin-resource-policy": "same-origin",
      "referrer-policy": "no-referrer",
      "x-content-type-options": "nosniff",
    });
    expect(headers["permissions-policy"]).toContain("camera=()");
  });

  it("stay with the browser until they are other ones", async () => {
    const { port } = await open();
    const { etag } = (await ask(port, "/")).headers;
    for (const tags of [`${etag}`, `"other", W/${etag}`, "*"]) {
      const again = await ask(port, "/", { headers: { "if-none-match": tags } });
      expect([again.status, again.text, again.headers.etag]).toEqual([304, "", etag]);
      expect(again.headers["cache-control"]).toBe("no-cache");
    }
    const other = await ask(port, "/", { headers: { "if-none-match": '"other"' } });
    expect([other.status, other.text]).toEqual([200, index]);
  });

  it.each([
    ["br", "br"],
    ["gzip, deflate, br", "br"],
    ["gzip", "gzip"],
    ["GZIP;q=0.5", "gzip"],
    ["br;q=0, gzip;q=0.1", "gzip"],
    ["*", "br"],
    ["*, br;q=0", "gzip"],
    ["br;q=0, gzip;q=0.000", undefined],
    ["deflate", undefined],
    ["", undefined],
  ])("for a client that takes %j come as %j", async (accepted, expected) => {
    const { port } = await open();
    const { bytes, headers } = await bytesOf(port, asset, accepted);
    expect(headers["content-encoding"]).toBe(expected);
    expect(headers.vary).toBe("accept-encoding");
    expect(headers["content-length"]).toBe(String(bytes.length));
    const unpack = { br: brotliDecompressSync, gzip: gunzipSync }[expected ?? ""];
    expect((unpack?.(bytes) ?? bytes).toString()).toBe(script);
  });

  it("have another tag in each form", async () => {
    const { port } = await open();
    const tags = await Promise.all(
      ["br", "gzip", ""].map(
        async (accepted) => (await bytesOf(port, asset, accepted)).headers.etag,
      ),
    );
    expect(new Set(tags).size).toBe(3);
  });

  it("answer HEAD with the same head", async () => {
    const { port } = await open();
    for (const path of ["/", asset]) {
      const { date: _, ...got } = (await ask(port, path)).headers;
      const answer = await ask(port, path, { method: "HEAD" });
      expect([answer.status, answer.text]).toEqual([200, ""]);
      expect(answer.headers).toMatchObject(got);
    }
  });

  it("take nothing but GET and HEAD", async () => {
    const { port } = await open();
    const answer = await ask(port, "/", { method: "POST" });
    expect([answer.status, answer.headers.allow]).toEqual([405, "GET, HEAD"]);
  });

  it("are the ones of the build, and no others", async () => {
    writeFileSync(join(folder, "secret.txt"), "outside");
    symlinkSync(join(folder, "secret.txt"), join(folder, "dashboard", "link.txt"));
    put("assets/only.js.gz", gzipSync("1"));
    put("assets/odd name.js", "1");
    put("assets/kind.unknown", "1");
    const { port } = await open();
    for (const path of [
      "/rollouts/embeddings",
      "/assets/",
      "/assets/none.js",
      `${asset}.br`,
      "/../secret.txt",
      "/assets/../../secret.txt",
      "/assets/%2e%2e/%2e%2e/secret.txt",
      "/%2e%2e%2fsecret.txt",
      "/..%5csecret.txt",
      "//secret.txt",
      "/link.txt",
      "/assets/only.js",
      "/assets/odd%20name.js",
      "/assets/kind.unknown",
    ]) {
      expect([path, (await ask(port, path)).status]).toEqual([path, 404]);
    }
  });
});

describe("who may have them", () => {
  it("everybody who reaches a port with a token, and nothing else without it", async () => {
    const { port } = await open({ token: "secret" });
    for (const path of ["/", asset]) expect((await ask(port, path)).status).toBe(200);
    for (const path of ["/v1/status", "/assets/none.js", "/none"]) {
      expect([path, (await ask(port, path)).status]).toEqual([path, 401]);
    }
    expect((await ask(port, "/", { method: "POST" })).status).toBe(401);
  });

  it("without a token nobody who comes by another name", async () => {
    const { port } = await open();
    for (const path of ["/", asset]) {
      expect((await ask(port, path, { headers: { host: "evil.example" } })).status).toBe(403);
    }
  });
});

describe("without a build", () => {
  it.each([
    ["has not been built", () => rmSync(join(folder, "dashboard"), { recursive: true })],
    ["has no index.html", () => rmSync(join(folder, "dashboard", "index.html"))],
  ])("/ says that it %s, and what to do", async (reason, spoil) => {
    spoil();
    const { port } = await open();
    const { status, text, headers } = await ask(port, "/");
    expect([status, headers["content-type"]]).toEqual([404, "text/plain; charset=utf-8"]);
    expect(text).toContain(reason);
    expect(text).toContain("npm run build");
    expect((await ask(port, asset)).status).toBe(404);
  });

  it.each([
    [{ filesMax: 5, bytesMax: 1e6 }, "holds 6 files, at most 5 may be"],
    [{ filesMax: 6, bytesMax: 2048 }, "at most 2KiB may be"],
  ])("a folder beyond %j is none", (limits, reason) => {
    const { files, absence } = readPage(join(folder, "dashboard"), limits);
    expect(files.size).toBe(0);
    expect(absence).toContain(reason);
  });

  it("a folder at its limits is one", () => {
    const { files } = readPage(join(folder, "dashboard"), { filesMax: 6, bytesMax: 1e6 });
    expect([...files.keys()].toSorted()).toEqual([
      "/",
      "/assets/index-a1b2c3d4.css",
      asset,
      "/favicon.svg",
      "/index.html",
    ]);
  });
});

function bytesOf(port: number, path: string, accepted: string) {
  type Got = {
    bytes: Buffer;
    headers: Record<string, string | undefined>;
  };
  return new Promise<Got>((resolve, reject) => {
    const headers = accepted === "" ? {} : { "accept-encoding": accepted };
    request({ host: "127.0.0.1", port, path, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () =>
        resolve({ bytes: Buffer.concat(chunks), headers: response.headers as Got["headers"] }),
      );
    })
      .on("error", reject)
      .end();
  });
}
