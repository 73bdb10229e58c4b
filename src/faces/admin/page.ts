import type { Page, PageEncoding, PageFile } from "./page-files.ts";

/** Answers with the files of the dashboard. They hold no secret: whoever reaches the port may have them. */

/**
 * Scripts and styles come as files of this port, and what they ask they ask here; WebSockets are `'self'` too (CSP 3,
 * §6.7.2.8). Styles that scripts set one by one through the object model need no leave.
 */
const contentSecurityPolicy = [
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
].join("; ");

/** Nothing of what a browser can do besides showing a page. */
const permissionsPolicy = [
  "accelerometer",
  "autoplay",
  "camera",
  "display-capture",
  "encrypted-media",
  "fullscreen",
  "geolocation",
  "gyroscope",
  "magnetometer",
  "microphone",
  "midi",
  "payment",
  "publickey-credentials-get",
  "screen-wake-lock",
  "usb",
  "xr-spatial-tracking",
]
  .map((feature) => `${feature}=()`)
  .join(", ");

const pageHeaders: Readonly<Record<string, string>> = {
  "content-security-policy": contentSecurityPolicy,
  "cross-origin-opener-policy": "same-origin",
  "permissions-policy": permissionsPolicy,
};

/** One file, in the smallest form that the client takes; 304 when it has that already. */
export function answerFile(file: PageFile, header: (name: string) => string | undefined): Response {
  const encoding = chooseEncoding(header("accept-encoding") ?? "", file);
  const form = file.forms.get(encoding);
  if (form === undefined) throw new Error(`a file of the page has no form ${encoding}`);
  const headers = {
    ...pageHeaders,
    "cache-control": file.isImmutable ? "public, max-age=31536000, immutable" : "no-cache",
    etag: form.etag,
    ...(file.forms.size > 1 && { vary: "accept-encoding" }),
  };
  if (isKnown(header("if-none-match"), form.etag)) {
    return new Response(null, { status: 304, headers });
  }
  return new Response(form.body, {
    headers: {
      ...headers,
      "content-type": file.contentType,
      "content-length": String(form.body.length),
      ...(encoding !== "identity" && { "content-encoding": encoding }),
    },
  });
}

/** What stands at `/` when there is no dashboard. */
export function answerAbsence({ absence }: Page): Response {
  const text = `Sluice is running, but its dashboard is not here: ${absence ?? "nobody knows why"}.

Build it where Sluice is installed, then start Sluice anew:

    npm run build

Everything that it shows is also at /v1/status, /v1/openapi.json and /metrics, and in the terminal: npx sluice --help
`;
  const headers = { "content-type": "text/plain; charset=utf-8" };
  return new Response(text, { status: 404, headers });
}

/** By RFC 9110 §12.5.3, but for preferences among what is accepted: the smaller form is better. */
function chooseEncoding(accepted: string, { forms }: PageFile): PageEncoding {
  const refused = new Set<string>();
  const taken = new Set<string>();
  for (const part of accepted.toLowerCase().split(",")) {
    const [name = "", weight = ""] = part.split(";").map((piece) => piece.trim());
    (/^q=0(?:\.0{0,3})?$/.test(weight) ? refused : taken).add(name);
  }
  const isTaken = (encoding: PageEncoding) =>
    taken.has(encoding) || (taken.has("*") && !refused.has(encoding));
  return (["br", "gzip"] as const).find((each) => forms.has(each) && isTaken(each)) ?? "identity";
}

function isKnown(ifNoneMatch: string | undefined, etag: string): boolean {
  const tags = ifNoneMatch?.split(",").map((tag) => tag.trim().replace(/^W\//, "")) ?? [];
  return tags.includes(etag) || tags.includes("*");
}
