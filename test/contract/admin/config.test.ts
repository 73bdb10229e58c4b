import { afterEach, describe, expect, it } from "vitest";
import { configAnswerSchema, configProblemSchema } from "../../../src/wire/admin-api.ts";
import { ask, config, openAdmin } from "./admin-port.ts";
import type { AdminPort } from "./admin-port.ts";

let admin: AdminPort | null = null;
const open = async (options: Parameters<typeof openAdmin>[0] = {}) =>
  (admin = await openAdmin(options));
afterEach(async () => {
  await admin?.close();
  admin = null;
});

const changed = config.replace("compact, weight: 50", "compact, weight: 150");
const post = (port: number, body: string | Buffer | Buffer[], headers = {}, query = "") =>
  ask(port, `/v1/config${query}`, { method: "POST", headers, body });
const codeOf = (answer: { text: string }) => (JSON.parse(answer.text) as { code: string }).code;

const mebibyte = 1024 * 1024;
const padded = (bytes: number) => Buffer.from(`${changed}#`.padEnd(bytes, " "));
const halves = (whole: Buffer) => [whole.subarray(0, 600_000), whole.subarray(600_000)];

describe("GET /v1/config", () => {
  it("gives the text as loaded, with its ETag", async () => {
    const { port, reloader } = await open();
    const answer = await ask(port, "/v1/config");
    expect(answer.status).toBe(200);
    expect(answer.text).toBe(config);
    expect(answer.headers.etag).toBe(reloader.state().etag);
    expect(answer.headers["content-type"]).toBe("application/yaml; charset=utf-8");
  });

  it("keeps the token to itself", async () => {
    const { port } = await open({ text: `admin: { token: s3cret }\n${config}`, token: null });
    const { text } = await ask(port, "/v1/config");
    expect(text).toBe(`admin: { token: "[redacted]" }\n${config}`);
  });
});

describe("POST /v1/config", () => {
  it("applies with the present ETag, says what changed, and saves", async () => {
    const { port, reloader, file } = await open();
    const { etag } = (await ask(port, "/v1/config")).headers;
    const answer = await post(port, changed, { "if-match": etag });
    expect(answer.status).toBe(200);
    const body = configAnswerSchema.parse(JSON.parse(answer.text));
    expect(body).toMatchObject({ result: "applied", generation: 2, not_saved: null });
    expect(body.changes.join()).toContain("experiments.embeddings");
    expect(body.warnings.join()).toContain("users change variant");
    expect(body.etag).not.toBe(etag);
    expect(answer.headers.etag).toBe(body.etag);
    expect(reloader.state().text).toBe(changed);
    expect(reloader.state().last?.reason).toBe("API: 127.0.0.1");
    expect(file.text).toBe(changed);
  });

  it("says so when nothing changes", async () => {
    const { port } = await open();
    const answer = await post(port, `${config}# more\n`, { "if-match": "*" });
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.text)).toMatchObject({
      result: "unchanged",
      generation: 1,
      changes: [],
    });
  });

  it("without If-Match is 428", async () => {
    const { port, reloader } = await open();
    const answer = await post(port, changed);
    expect(answer.status).toBe(428);
    expect(codeOf(answer)).toBe("precondition_required");
    expect(reloader.state().last).toBeNull();
  });

  it.each([
    ['"other"', 412],
    ["W/ETAG", 412],
    ["ETAG", 200],
    ['"other", ETAG', 200],
    ["*", 200],
  ])("If-Match: %s → %i", async (written, expected) => {
    const { port, reloader } = await open();
    const { etag } = reloader.state();
    const answer = await post(port, changed, { "if-match": written.replace("ETAG", etag) });
    expect(answer.status).toBe(expected);
    if (expected === 200) return;
    expect(codeOf(answer)).toBe("precondition_failed");
    expect(answer.headers.etag).toBe(etag);
    expect(reloader.state().text).toBe(config);
  });

  it("of two at once, one is 412", async () => {
    const { port, reloader } = await open();
    const { etag } = reloader.state();
    const other = changed.replace("150", "350");
    const answers = await Promise.all([
      post(port, changed, { "if-match": etag }),
      post(port, other, { "if-match": etag }),
    ]);
    expect(answers.map(({ status }) => status).toSorted((one, other) => one - other)).toEqual([
      200, 412,
    ]);
  });

  it("invalid is 422 with every issue, and changes nothing", async () => {
    const { port, reloader } = await open();
    const wrong = config
      .replace("weight: 50 }", "weight: -1 }")
      .replace("experiment: emb", "experiment: lost");
    const answer = await post(port, wrong, { "if-match": "*" });
    expect(answer.status).toBe(422);
    expect(answer.headers["content-type"]).toBe("application/problem+json");
    const body = configProblemSchema.parse(JSON.parse(answer.text));
    expect(body.code).toBe("config_invalid");
    expect(body.issues.map(({ path }) => path)).toEqual(
      expect.arrayContaining([
        "routes[0].experiment",
        "experiments.embeddings.variants.compact.weight",
      ]),
    );
    expect(body.issues.every(({ line }) => line !== null)).toBe(true);
    expect(reloader.state()).toMatchObject({ text: config, generation: 1 });
  });

  it("valid but not applied is 503, and the old one stays", async () => {
    const { port, reloader } = await open({
      apply: async () => ({ ok: false, error: "worker 0 did not answer" }),
    });
    const answer = await post(port, changed, { "if-match": "*" });
    expect(answer.status).toBe(503);
    expect(JSON.parse(answer.text)).toMatchObject({
      code: "config_not_applied",
      detail: "worker 0 did not answer",
    });
    expect(reloader.state().text).toBe(config);
  });

  it("that is not UTF-8 is 400", async () => {
    const { port } = await open();
    const answer = await post(port, Buffer.from([0x61, 0xff]), { "if-match": "*" });
    expect(answer.status).toBe(400);
    expect(codeOf(answer)).toBe("bad_encoding");
  });

  it.each([
    ["a length", padded(mebibyte), padded(mebibyte + 1)],
    ["chunks", halves(padded(mebibyte)), halves(padded(mebibyte + 1))],
  ])("takes 1 MiB and refuses a byte more, sent with %s", async (_, largest, tooLarge) => {
    const { port, reloader } = await open();
    const refused = await post(port, tooLarge, { "if-match": "*" });
    expect(refused.status).toBe(413);
    expect(codeOf(refused)).toBe("body_too_large");
    expect(reloader.state().last).toBeNull();
    expect((await post(port, largest, { "if-match": "*" })).status).toBe(200);
  });
});

describe("dry run", () => {
  it("plans, and applies nothing", async () => {
    const { port, reloader, file } = await open();
    const answer = await post(port, changed, { "if-match": "*" }, "?dry_run=true");
    expect(answer.status).toBe(200);
    const body = configAnswerSchema.parse(JSON.parse(answer.text));
    expect(body).toMatchObject({ result: "planned", generation: 1 });
    expect(body.changes.join()).toContain("experiments.embeddings");
    expect(answer.headers.etag).toBeUndefined();
    expect(reloader.state()).toMatchObject({ text: config, last: null });
    expect(file.text).toBe(config);
    const applied = await post(port, changed, { "if-match": "*" });
    expect(applied.headers.etag).toBe(body.etag);
  });

  it("finds every issue", async () => {
    const { port } = await open();
    const answer = await post(port, "listen: 1", { "if-match": "*" }, "?dry_run=true");
    expect(answer.status).toBe(422);
  });

  it("needs the ETag too", async () => {
    const { port } = await open();
    expect((await post(port, changed, {}, "?dry_run=true")).status).toBe(428);
    expect((await post(port, changed, { "if-match": '"x"' }, "?dry_run=true")).status).toBe(412);
  });

  it.each(["yes", "", "1", "TRUE"])("dry_run=%j is 400, not a guess", async (value) => {
    const { port, reloader } = await open();
    const answer = await post(port, changed, { "if-match": "*" }, `?dry_run=${value}`);
    expect(answer.status).toBe(400);
    expect(reloader.state().last).toBeNull();
  });
});

describe("a redacted configuration sent back", () => {
  const secret = `admin: { token: s3cret }\n${config}`;

  it("keeps the secret", async () => {
    const { port, reloader } = await open({ text: secret });
    const { text, headers } = await ask(port, "/v1/config");
    const edited = text.replace("compact, weight: 50", "compact, weight: 150");
    const answer = await post(port, edited, { "if-match": headers.etag });
    expect(answer.status).toBe(200);
    expect(reloader.state().config.admin.token).toBe("s3cret");
    expect(reloader.state().text).toBe(`admin: { token: s3cret }\n${changed}`);
  });

  it("never makes the placeholder a token", async () => {
    const { port, reloader } = await open();
    const body = `admin: { token: "[redacted]" }\n${config}`;
    const answer = await post(port, body, { "if-match": "*" });
    expect(answer.status).toBe(422);
    expect(configProblemSchema.parse(JSON.parse(answer.text)).issues).toMatchObject([
      { path: "admin.token", line: 1, column: 17, code: "redacted_secret" },
    ]);
    expect(reloader.state().config.admin.token).toBeNull();
  });
});
