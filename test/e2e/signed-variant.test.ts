import { afterAll, beforeAll, expect, it } from "vitest";
import { signVariant } from "../../src/wire/signed-variant.ts";
import { runCommandLine } from "../support/command-line.ts";
import { startPlane, type TestPlane } from "../support/plane.ts";
import { answering, exchangeRaw, type RawServer } from "../support/raw.ts";

const secret = "a secret of sixteen and more";
const old = "the secret of before this one";
const inS = (seconds: number) => Math.floor(Date.now() / 1000) + seconds;
const claim = { experiment: "e", variant: "new", expiresAtS: inS(60) };
const signed = signVariant(claim, secret);
const textOf = (port: number, from = "signed", secrets = `[ "${secret}", "${old}" ]`) => `
listen: { host: 127.0.0.1, port: 0, signing_secrets: ${secrets} }
upstreams: { u: { url: "http://127.0.0.1:${port}" } }
routes: [ { match: "/**", experiment: e } ]
experiments:
  e:
    variants: { old: { upstream: u, weight: 1, control: true }, new: { upstream: u, weight: 0 } }
    assignment: { forced: { header: x-sluice-force, cookie: force, from: ${from} } }
`;

let upstream: RawServer;
let plane: TestPlane;
beforeAll(async () => {
  upstream = await answering("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
  plane = await startPlane(textOf(upstream.port));
});
afterAll(async () => {
  await plane.stop();
  await upstream.close();
});

async function variantFor(field: string): Promise<string | undefined> {
  const head = `GET /x HTTP/1.1\r\nhost: a\r\nx-user-id: ann\r\nconnection: close\r\n${field}\r\n\r\n`;
  return /x-sluice-variant: (\S+)/i.exec(await exchangeRaw(plane.port, head))?.[1];
}

it.each([
  ["signed", signed, "new"],
  ["signed with the secret of before", signVariant(claim, old), "new"],
  ["signed with another secret", signVariant(claim, "nobody's secret, sixteen"), "old"],
  ["expired", signVariant({ ...claim, expiresAtS: inS(-1) }, secret), "old"],
  [
    "for longer than 30 days",
    signVariant({ ...claim, expiresAtS: inS(31 * 86_400) }, secret),
    "old",
  ],
  ["with a later end", signed.replace(/exp=\d+/, `exp=${inS(600)}`), "old"],
  ["for another experiment", signVariant({ ...claim, experiment: "f" }, secret), "old"],
  ["for no variant", signVariant({ ...claim, variant: "none" }, secret), "old"],
  ["with a variant put in", signed.replace("=new", "=old"), "old"],
  ["cut short", signed.slice(0, -1), "old"],
  ["bare, though from loopback", "new", "old"],
])("a variant that is %s", async (_, value, variant) => {
  expect(await variantFor(`x-sluice-force: ${value}`)).toBe(variant);
});

it("counts as a cookie, too", async () => {
  expect(await variantFor(`cookie: a=b; force=${signed}; c=d`)).toBe("new");
});

it("no more once its secret is gone, and a bare name where that is trusted", async () => {
  plane.apply(textOf(upstream.port, "trusted", `[ "${old}" ]`));
  expect(await variantFor(`x-sluice-force: ${signed}`)).toBe("old");
  expect(await variantFor(`x-sluice-force: ${signVariant(claim, old)}`)).toBe("new");
  expect(await variantFor("x-sluice-force: new")).toBe("new");
  plane.apply(textOf(upstream.port));
});

it.each([
  [["e", "new", "--for", "5m"], 0, /^e=new&exp=\d+&sig=[\w-]{43}\n$/],
  [["e", "new", "--for", "721h"], 2, /720h/],
  [["e", "nwe"], 2, /"new"/],
  [["f", "new"], 2, /no experiment|unknown|known: e/],
])("sluice sign-variant %j → %i", async (words, exitCode, says) => {
  const files = { "s.yaml": textOf(1) };
  const done = await runCommandLine(["sign-variant", "s.yaml", ...words], files);
  expect(done.stdout + done.stderr).toMatch(says);
  expect(done.exitCode).toBe(exitCode);
  if (exitCode === 0) expect(await variantFor(`x-sluice-force: ${done.stdout.trim()}`)).toBe("new");
});

it("needs a secret, and a good one", async () => {
  const check = async (text: string) => runCommandLine(["check", "s.yaml"], { "s.yaml": text });
  expect((await check(textOf(1, "signed", "[]"))).stderr).toContain("needs listen.signing_secrets");
  expect((await check(textOf(1, "signed", "[ short ]"))).stderr).toContain("at least 16");
});
