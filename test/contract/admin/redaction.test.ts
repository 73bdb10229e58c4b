import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { redactSecrets, restoreSecrets } from "../../../src/faces/admin/redaction.ts";

const variant = (set: string) =>
  `experiments:\n  e:\n    variants:\n      a:\n        headers: { set: ${set} }\n`;

describe("redaction", () => {
  it.each([
    ["admin:\n  token: s3cret # why\n", 'admin:\n  token: "[redacted]" # why\n'],
    ["admin: { port: 1, token: 's3cret' }", 'admin: { port: 1, token: "[redacted]" }'],
    ['{"admin": {"token": "s3cret"}}', '{"admin": {"token": "[redacted]"}}'],
    ["admin:\n  token: |-\n    s3cret\n  port: 1\n", 'admin:\n  token: "[redacted]"\n  port: 1\n'],
    ["x: &t s3cret\nadmin: { token: *t }", 'x: &t "[redacted]"\nadmin: { token: *t }'],
    ["x: &a { token: s3cret }\nadmin: *a", 'x: &a { token: "[redacted]" }\nadmin: *a'],
    [
      "admin: { token: one, viewer_token: two }",
      'admin: { token: "[redacted]", viewer_token: "[redacted]" }',
    ],
    ['admin: { token: "${T:-s3cret}" }', 'admin: { token: "[redacted]" }'],
    ['admin: { token: "${TOKEN}" }', 'admin: { token: "${TOKEN}" }'],
    [
      variant("{ Authorization: s3cret, x-model: big }"),
      variant('{ Authorization: "[redacted]", x-model: big }'),
    ],
    [
      "prometheus: { url: x, headers: { authorization: s3cret, x-scope: a } }",
      'prometheus: { url: x, headers: { authorization: "[redacted]", x-scope: a } }',
    ],
    [
      "store: { postgres: postgres://u:s3cret@h/d, spool: data/spool }",
      'store: { postgres: "[redacted]", spool: data/spool }',
    ],
    ['store: { postgres: "${DATABASE_URL}" }', 'store: { postgres: "${DATABASE_URL}" }'],
    [
      "tracing: { otlp: http://c, headers: { x-vendor-key: s3cret } }",
      'tracing: { otlp: http://c, headers: { x-vendor-key: "[redacted]" } }',
    ],
    [
      "insights: { url: http://h/v1, model: m, api_key: s3cret }",
      'insights: { url: http://h/v1, model: m, api_key: "[redacted]" }',
    ],
    [
      "alerts: { channels: [ { log: true }, { webhook: https://h/s3cret, headers: { authorization: s3cret } } ] }",
      'alerts: { channels: [ { log: true }, { webhook: "[redacted 1]", headers: { authorization: "[redacted 1]" } } ] }',
    ],
    [
      "experiments: { e: { rollout: { steps: [ { share: 5% }, { share: 10%, gate: { webhook: s3cret } } ] } } }",
      'experiments: { e: { rollout: { steps: [ { share: 5% }, { share: 10%, gate: { webhook: "[redacted 1]" } } ] } } }',
    ],
    [
      'listen: { signing_secrets: [ s3cret, "${OLD}" ] }',
      'listen: { signing_secrets: [ "[redacted 0]", "${OLD}" ] }',
    ],
    [variant("{ X-API-Key: s3cret }"), variant('{ X-API-Key: "[redacted]" }')],
    ["token: word\nroutes: []", "token: word\nroutes: []"],
  ])("%j → %j, and back", (text, expected) => {
    const redacted = redactSecrets(text);
    expect(redacted).toBe(expected);
    const restored = restoreSecrets(redacted, text);
    expect(restored.issues).toEqual([]);
    expect(parse(restored.text)).toEqual(parse(text));
  });

  it("leaves a new secret as it was sent", () => {
    const text = "admin: { token: new }";
    expect(restoreSecrets(text, "admin: { token: old }")).toEqual({ text, issues: [] });
  });

  it("brings a secret back to its own item, wherever that has moved to", () => {
    const channels = (...urls: string[]) =>
      `alerts:\n  channels:\n${urls.map((url) => `    - webhook: ${url}\n`).join("")}`;
    const current = channels("https://one", "https://two", "https://three");
    const edited = channels('"[redacted 2]"', "https://new", '"[redacted 0]"');
    expect(restoreSecrets(edited, current)).toEqual({
      text: channels("https://three", "https://new", "https://one"),
      issues: [],
    });
    const lost = restoreSecrets(channels('"[redacted 3]"', '"[redacted]"'), current);
    expect(lost.issues).toMatchObject([
      { path: "alerts.channels[0].webhook", code: "redacted_secret" },
      { path: "alerts.channels[1].webhook", code: "redacted_secret" },
    ]);
  });

  it("points at a placeholder that stands for nothing", () => {
    const { issues } = restoreSecrets('a: 1\nadmin:\n  token: "[redacted]"\n', "a: 1");
    expect(issues).toMatchObject([{ path: "admin.token", line: 3, column: 10 }]);
  });

  it.each(["{", "a: [", "a: *lost", "- 1", "", "[".repeat(20_000)])(
    "leaves what is no configuration to its reader: %#",
    (text) => {
      expect(restoreSecrets(text, "admin: { token: old }")).toEqual({ text, issues: [] });
    },
  );
});
