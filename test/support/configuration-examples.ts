/** A small example for each section of docs/configuration.md; the test of the page reads them with Sluice's own parser. */
export const configurationExamples: Readonly<Record<string, string>> = {
  listen: `
listen:
  port: 8080
  workers: auto
  trusted_proxies: [ "10.0.0.0/8" ]
  limits: { body: 20MB }
`,
  admin: `
admin: { host: 0.0.0.0, port: 9090, token: "\${ADMIN_TOKEN:-change-me}", viewer_token: "\${VIEWER_TOKEN:-}" }
`,
  log: `
log: { level: warn, access_sample: 1% }
`,
  replica: `
replica: { name: gateway-1, admin_url: "http://10.0.0.7:9090" }
`,
  store: `
store: { sqlite: data/sluice.db }
`,
  tracing: `
tracing: { otlp: "http://localhost:4318" }
`,
  prometheus: `
prometheus: { url: "http://localhost:9091", timeout: 5s }
`,
  insights: `
insights: { url: "http://localhost:11434/v1", model: "qwen2.5:7b" }
`,
  alerts: `
alerts:
  channels: [ { webhook: "https://hooks.example/alerts", shape: slack, min_severity: warning } ]
  rules: { error_rate: { limit: 5%, for: 2m }, no_traffic: off }
`,
  upstreams: `
upstreams:
  old: { url: "http://localhost:9621", health: { path: /health }, timeouts: { first_byte: 60s } }
  new: { urls: [ "http://localhost:9622", "http://localhost:9623" ], balance: least_outstanding }
`,
  routes: `
routes:
  - { match: "POST /query", experiment: new_model, timeouts: { first_byte: 60s } }
  - { match: "GET /documents/:id", upstream: old }
  - { preset: lightrag, experiment: new_model }
`,
  experiments: `
experiments:
  new_model:
    variants:
      old: { upstream: old, control: true }
      new: { upstream: new, headers: { set: { x-model: small } } }
    assignment: { user: [ "header:x-user-id", "jwt:sub" ], coverage: 50% }
    analysis: { primary: latency_mean }
    ends: { after: 14d, decision: true }
`,
  "experiments.KEY.variants.KEY": `
experiments:
  new_model:
    variants:
      old: { upstream: old, weight: 90, control: true, price: { input: 0.02, output: 0.10 } }
      new: { upstream: new, weight: 10, body: { model: small }, path: { from: /v1, to: /api/v1 } }
`,
  "experiments.KEY.assignment": `
experiments:
  new_model:
    variants: { old: { upstream: old, control: true }, new: { upstream: new } }
    assignment:
      user: [ "jwt:sub", "cookie:sluice_uid" ]
      namespace: { id: search, range: [ 0%, 50% ] }
      forced: { header: x-sluice-force }
      rules: [ { when: [ { header: x-team, equals: search } ], variant: new } ]
`,
  "experiments.KEY.rollout": `
experiments:
  new_model:
    variants: { old: { upstream: old, control: true }, new: { upstream: new } }
    rollout:
      steps: [ { shadow: 20% }, { share: 5%, hold: 5m }, { share: 50%, gate: approval }, { share: 100% } ]
      observe: 10m
`,
  "experiments.KEY.guardrails[]": `
experiments:
  new_model:
    variants: { old: { upstream: old, control: true }, new: { upstream: new } }
    rollout: { steps: [ { share: 5% }, { share: 100% } ] }
    guardrails:
      - { metric: error_rate, max: 5% }
      - { metric: error_rate, relative_to: control, max_ratio: 1.5 }
      - { metric: latency_p95, max: 5s, on_breach: pause }
`,
};
