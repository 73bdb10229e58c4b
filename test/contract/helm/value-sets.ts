import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { chartPath } from "../../support/helm.ts";

/** The chart's examples by name, and sets of values that turn on what they do not. */
export const valueSets: Readonly<Record<string, string>> = {
  ...examples(),
  "set-least": least(""),
  "set-roll-digest": least(`
reload: roll
image: { repository: registry.example/sluice, digest: "sha256:${"a".repeat(64)}" }
imagePullSecrets: [{ name: pull }]
podDisruptionBudget: { enabled: false }
topologySpread: { enabled: false }
serviceAccount: { create: false, name: there }
`),
  "set-text": least(`
reload: roll
experimentsText: |
  models:
    variants: { zed: { upstream: only, control: true }, abe: { upstream: only } }
`),
  "set-slow-drain": least(`drain: { delaySeconds: 10, deadlineSeconds: 600, marginSeconds: 15 }`),
  "set-tls": least(`
tls: { existingSecret: sluice-tls }
service: { type: LoadBalancer, port: 443, annotations: { lb: internal } }
adminService: { type: NodePort, annotations: { a: b } }
`),
  "set-ipv6": least(`
listenHost: "::"
podIPFamily: IPv6
ports: { traffic: 8181, admin: 9191 }
replicaCount: 3
secretEnv: { DATABASE_URL: { secret: postgres, key: url } }
monitoring: { monitor: pod }
`).replace("config:", `config:\n  store: { postgres: "\${DATABASE_URL}" }`),
  "set-placed": least(`
nameOverride: proxy
fullnameOverride: demo-sluice
commonLabels: { team: search }
podLabels: { tier: edge }
podAnnotations: { note: here }
nodeSelector: { disk: ssd }
tolerations: [{ key: edge, operator: Exists }]
affinity: { nodeAffinity: {} }
priorityClassName: high
extraVolumes: [{ name: extra, configMap: { name: demo-sluice } }]
extraVolumeMounts: [{ name: extra, mountPath: /extra }]
env: { SLUICE_METRICS_RETENTION_HOURS: 336 }
envFrom: [{ configMapRef: { name: more } }]
networkPolicy: { enabled: true, egress: [{}] }
`),
  "set-claimed": least(`
persistence: { enabled: true, existingClaim: there }
admin: { existingSecret: tokens, tokenKey: admin, viewerTokenKey: viewer, readOnly: true }
monitoring: { monitor: service, prometheusRule: { enabled: true } }
`),
  "set-sidecar-volatile": least(`
mode: sidecar
sidecar: { app: { persistence: { enabled: false }, securityContext: { runAsNonRoot: true } } }
`),
};

function examples(): Record<string, string> {
  const folder = join(chartPath, "examples");
  return Object.fromEntries(
    readdirSync(folder).map((file) => [
      file.replace(".yaml", ""),
      readFileSync(join(folder, file), "utf8"),
    ]),
  );
}

function least(more: string): string {
  return `config:
  upstreams: { only: { url: "http://lightrag:9621" } }
  routes: [{ match: "/**", upstream: only }]
${more}`;
}
