import { describe, expect, it } from "vitest";
import { advanceEpochs, planReload } from "../../../src/core/config/reload-plan.ts";
import { issuesOf, smallText, valid } from "./texts.ts";

const rolloutText = smallText.replace("variants:", "rollout: { share: 5% }\n    variants:");

/** The plan from `before` to the same text with `written` instead of `found`. */
function plan(before: string, found: string, written: string) {
  expect(before).toContain(found);
  return planReload(valid(before), valid(before.replace(found, () => written)));
}

describe("what changes", () => {
  it("is nothing where only the layout of the text does", () => {
    const { changes, warnings, refusals, epochs } = plan(smallText, "routes:", "# words\nroutes:");
    expect({ changes, warnings, refusals, epochs }).toEqual({
      changes: [],
      warnings: [],
      refusals: [],
      epochs: [],
    });
  });

  it("keeps the store until a restart, and tells no password", () => {
    const secret = "store: { postgres: 'postgres://u:s3cret@h/d' }\nroutes:";
    const { changes, warnings, config } = plan(smallText, "routes:", secret);
    expect({ changes, warnings, store: config.store }).toEqual({
      changes: [],
      warnings: ["store: none stays until a restart"],
      store: null,
    });
    const other = secret.replace("@h", "@other");
    const moved = plan(smallText.replace("routes:", secret), secret, other);
    expect(moved.warnings).toEqual(["store: h:5432/d stays until a restart"]);
  });

  it.each<[string, string, string, string[], string[]]>([
    // found, written, change, warnings, epochs
    ["localhost:1001", "localhost:1003", "upstreams.a: endpoints changed", [], []],
    ["routes:", "  c: { url: http://c }\nroutes:", "upstreams.c added", [], []],
    ["routes:", "replica: { name: b }\nroutes:", "replica: name or admin_url changed", [], []],
    ["routes:", "tracing: { otlp: http://c }\nroutes:", "tracing changed", [], []],
    ["routes:", "insights: { url: http://m/v1, model: m }\nroutes:", "insights changed", [], []],
    ["POST /x", "POST /y", "routes: POST /y added, POST /x removed", [], []],
    [
      "POST /x",
      "/y, upstream: a }\n  - { match: POST /x"
        .replace(", upstream", '", upstream')
        .replace("POST", '"POST'),
      "routes: /y added",
      [],
      [],
    ],
    [
      "{ upstream: a }",
      "{ upstream: a, weight: 3 }",
      "experiments.e.variants.control: weight 1 → 3",
      ["experiments.e: 25% of its users change variant"],
      ["e"],
    ],
    // What is looked at, and when it ends, does not touch what was measured.
    [
      "variants:",
      "state: draft\n    analysis: { primary: error_rate }\n    ends: { users: 5 }\n    variants:",
      "experiments.e: state, analysis, ends changed",
      [],
      [],
    ],
    [
      "{ upstream: b }",
      "{ upstream: b, body: { k: secret } }",
      "experiments.e.variants.new: body changed",
      [],
      ["e"],
    ],
    [
      "variants:",
      "on_unavailable: control\n    variants:",
      "experiments.e: on_unavailable fail → control",
      [],
      [],
    ],
    [
      "variants:",
      "assignment: { user: [ ip ] }\n    variants:",
      "experiments.e.assignment: user changed",
      ["experiments.e: user key sources changed; users may change variant"],
      ["e"],
    ],
    [
      "variants:",
      "assignment: { strategy: random }\n    variants:",
      "experiments.e.assignment: strategy changed",
      ["experiments.e: strategy hash → random; users change variant"],
      ["e"],
    ],
    [
      "variants:",
      "on_unavailable: fail\n    rollout: { share: 50% }\n    variants:",
      "experiments.e: share by weight → 50%",
      ["experiments.e: 100% of its users change variant"],
      ["e"],
    ],
    [
      "      control: { upstream: a }\n      new: { upstream: b }",
      "      new: { upstream: b }\n      control: { upstream: a }",
      "experiments.e.variants: order changed",
      ["experiments.e: 100% of its users change variant"],
      ["e"],
    ],
  ])("%j → %j", (found, written, change, warnings, epochs) => {
    const planned = plan(smallText, found, written);
    expect(planned.changes).toEqual([change]);
    expect(planned.warnings).toEqual(warnings);
    expect(planned.epochs).toEqual(epochs);
    expect(planned.refusals).toEqual([]);
  });

  it("moves users by a rollout's share without a warning", () => {
    const planned = plan(rolloutText, "5%", "25%");
    expect(planned.changes).toEqual(["experiments.e: share 5% → 25%"]);
    expect(planned.warnings).toEqual([]);
    expect(planned.epochs).toEqual(["e"]);
  });

  it("never shows a secret", () => {
    const before = `admin: { token: old-secret }\n${smallText}`;
    const planned = plan(before, "old-secret", "new-secret");
    expect(planned.changes).toEqual(["admin: token changed"]);
    expect(planned.config.admin.token).toBe("new-secret");
  });
});

/** Every PEM file holds `word`. */
const pem = (word: string) => ({
  files: () => ({ ok: true, value: `-----BEGIN CERTIFICATE-----${word}` }) as const,
});

describe("what a reload refuses", () => {
  it.each([
    ["seed: s", "experiments.e.assignment.seed"],
    ["hash_version: 1", "experiments.e.assignment.hash_version"],
  ])("another %s of a running experiment", (field, path) => {
    const planned = plan(smallText, "variants:", `assignment: { ${field} }\n    variants:`);
    expect(planned.refusals).toMatchObject([{ path, code: "rebucketing" }]);
  });

  it("lets a disabled experiment change its seed, and a new key have its own", () => {
    const disabled = smallText.replace("variants:", "disabled: true\n    variants:");
    expect(plan(disabled, "disabled: true", "assignment: { seed: s }").refusals).toEqual([]);
    const renamed = smallText
      .replaceAll("experiment: e ", "experiment: f ")
      .replace("  e:", "  f:");
    const planned = planReload(valid(smallText), valid(renamed));
    expect(planned.refusals).toEqual([]);
    expect(planned.changes).toEqual([
      "routes: POST /x changed",
      "experiments.e removed",
      "experiments.f added",
    ]);
    expect(planned.epochs).toEqual(["f"]);
  });
});

describe("what only a restart changes", () => {
  it("stays, with a warning for each", () => {
    const wanted = valid(
      `listen: { host: 127.0.0.1, port: 1, workers: 3, drain_deadline: 1s }\nadmin: { host: "::1", port: 2 }\n${smallText}`,
    );
    const running = valid(smallText);
    const planned = planReload(running, wanted);
    expect(planned.config.listen).toEqual({ ...running.listen, drainDeadlineMs: 1000 });
    expect(planned.config.admin).toEqual(running.admin);
    expect(planned.changes).toEqual(["listen: drain_deadline changed"]);
    expect(planned.warnings).toEqual([
      "listen.host: 0.0.0.0 stays until a restart",
      "listen.port: 8080 stays until a restart",
      "listen.workers: 1 stays until a restart",
      "admin.host: 127.0.0.1 stays until a restart",
      "admin.port: 9090 stays until a restart",
    ]);
  });

  it("names a changed viewer token and read-only mode, without secrets", () => {
    const running = valid(`admin: { token: t, viewer_token: old-secret }\n${smallText}`);
    const wanted = valid(
      `admin: { token: t, viewer_token: new-secret, read_only: true }\n${smallText}`,
    );
    const planned = planReload(running, wanted);
    expect(planned.changes).toEqual(["admin: viewer_token, read_only changed"]);
    expect(planned.config.admin).toMatchObject({ viewerToken: "new-secret", readOnly: true });
  });

  it("keeps the token of an admin port that stays open to other machines", () => {
    const running = valid(`admin: { host: 0.0.0.0, token: t }\n${smallText}`);
    const planned = planReload(running, valid(smallText));
    expect(planned.config.admin).toEqual(running.admin);
    expect(planned.warnings).toContain(
      "admin.token: stays until a restart, because admin.host does",
    );
  });

  it("keeps TLS on or off, but takes a new certificate", () => {
    const text = `listen: { tls: { cert: c, key: k } }\n${smallText}`;
    const planned = planReload(valid(text, pem("old")), valid(text, pem("new")));
    expect(planned.changes).toEqual(["listen: tls changed"]);
    expect(planned.config.listen.tls?.cert).toContain("new");
    const toggled = planReload(valid(text, pem("old")), valid(smallText));
    expect(toggled.config.listen.tls?.cert).toContain("old");
    expect(toggled.warnings).toEqual(["listen.tls: on stays until a restart"]);
  });
});

describe("TLS of the admin port", () => {
  const tls = (more = "") => `tls: { cert: c, key: k${more} }`;
  const asking = tls(", client_ca: ca, operators: [ ann ]");
  const read = (admin: string, word = "old") =>
    valid(`admin: { ${admin} }\n${smallText}`, pem(word));

  it("lets client certificates stand for a token", () => {
    const { admin } = read(`host: 0.0.0.0, viewer_token: look, ${asking}`);
    expect(admin.tls).toMatchObject({ clientCaFile: "ca", operators: ["ann"] });
    expect(issuesOf(`admin: { host: 0.0.0.0, ${tls()} }\n${smallText}`, pem("x"))).toMatchObject([
      { path: "admin.token", code: "token_required" },
    ]);
    const unused = `admin: { ${tls(", operators: [ ann ]")} }\n${smallText}`;
    expect(issuesOf(unused, pem("x"))).toMatchObject([
      { path: "admin.tls.operators", code: "operators_unused" },
    ]);
  });

  it("takes new certificates and operators", () => {
    const wanted = read(tls(", client_ca: ca"), "new");
    const planned = planReload(read(asking), wanted);
    expect(planned.config.admin).toEqual(wanted.admin);
    expect(planned.changes).toEqual(["admin: tls changed"]);
  });

  it.each([
    ["token: t", asking, "off", true],
    [`token: t, ${tls()}`, asking, "on", true],
    ["port: 9090", asking, "off", false],
    [`token: t, ${asking}`, "token: t", "on, with client certificates", false],
    [asking, "port: 9090", "on, with client certificates", false],
  ])("is as it was until a restart, and never without proof: %s → %s", (old, next, was, kept) => {
    const running = read(old);
    const planned = planReload(running, read(next));
    expect(planned.config.admin).toEqual({
      ...running.admin,
      token: kept || next.includes("token") ? running.admin.token : null,
    });
    expect(planned.warnings).toEqual([
      `admin.tls: ${was} stays until a restart`,
      ...(kept ? ["admin.token: stays until a restart, because admin.tls does"] : []),
    ]);
  });
});

describe("epochs", () => {
  it("rise, and do not start again after a removal", () => {
    const first = advanceEpochs({}, { epochs: ["a", "b"] });
    expect(first).toEqual({ a: 1, b: 1 });
    expect(advanceEpochs(first, { epochs: ["b", "c"] })).toEqual({ a: 1, b: 2, c: 1 });
  });
});
