import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { extname, join, relative, sep } from "node:path";
import { formatBytes } from "../../base/units.ts";

/** The built dashboard, read once into memory: what is not in the map by its name cannot be asked for. */

export type PageEncoding = "br" | "gzip" | "identity";

export type PageFile = {
  readonly contentType: string;
  /** True for files whose name changes with their content. */
  readonly isImmutable: boolean;
  /** As it is, and compressed where the build made that. */
  readonly forms: ReadonlyMap<PageEncoding, PageForm>;
};

type PageForm = { readonly body: Buffer<ArrayBuffer>; readonly etag: string };

export type Page = {
  /** By path, `/` among them; empty without a page. */
  readonly files: ReadonlyMap<string, PageFile>;
  /** Why there is none; null when there is one. */
  readonly absence: string | null;
};

export type PageLimits = { readonly filesMax: number; readonly bytesMax: number };

/** Many times what a dashboard of 150 kB needs: a folder beyond it is not the dashboard's. */
const pageLimits: PageLimits = { filesMax: 512, bytesMax: 16 * 1024 * 1024 };

const contentTypes: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json",
  ".webmanifest": "application/manifest+json",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".ico": "image/x-icon",
  ".woff2": "font/woff2",
  ".txt": "text/plain; charset=utf-8",
};

const encodings: Readonly<Record<string, PageEncoding>> = { ".br": "br", ".gz": "gzip" };

/** A page without files, for the reason given. */
export function absentPage(absence: string): Page {
  return { files: new Map(), absence };
}

/** Reads the folder of a build; files of unknown kinds, links and odd names in it are left out. */
export function readPage(directory: string, limits: PageLimits = pageLimits): Page {
  try {
    return collect(directory, listFiles(directory), limits);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return absentPage("it has not been built");
    return absentPage(`it cannot be read: ${message}`);
  }
}

function listFiles(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted();
}

function collect(directory: string, paths: readonly string[], limits: PageLimits): Page {
  if (paths.length > limits.filesMax) {
    return absentPage(`its folder holds ${paths.length} files, at most ${limits.filesMax} may be`);
  }
  const bytes = paths.reduce((sum, path) => sum + statSync(path).size, 0);
  if (bytes > limits.bytesMax) {
    return absentPage(
      `its folder holds ${formatBytes(bytes)}, at most ${formatBytes(limits.bytesMax)} may be`,
    );
  }
  const files = new Map<string, PageFile & { readonly forms: Map<PageEncoding, PageForm> }>();
  for (const path of paths) {
    const encoding = encodings[extname(path)] ?? "identity";
    const plain = encoding === "identity" ? path : path.slice(0, path.lastIndexOf("."));
    const name = `/${relative(directory, plain).split(sep).join("/")}`;
    const contentType = contentTypes[extname(plain)];
    if (contentType === undefined || !/^(?:\/[\w.-]+)+$/.test(name)) continue;
    const body = readFileSync(path);
    const file = files.get(name) ?? {
      contentType,
      isImmutable: name.startsWith("/assets/"),
      forms: new Map<PageEncoding, PageForm>(),
    };
    file.forms.set(encoding, { body, etag: etagOf(body) });
    files.set(name, file);
  }
  // A compressed form alone could not be given to everybody.
  for (const [name, { forms }] of files) if (!forms.has("identity")) files.delete(name);
  const index = files.get("/index.html");
  if (index === undefined) return absentPage("its folder has no index.html");
  return { files: new Map([["/", index], ...files]), absence: null };
}

/** Of the bytes as they are sent, so that each form has its own. */
function etagOf(body: Buffer): string {
  return `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`;
}
