{{/* Sluice's container: the same in its own pod, beside a service, and in the patch. */}}
{{- define "sluice.container" -}}
name: sluice
image: {{ include "sluice.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
args: [serve, --config, /etc/sluice/sluice.yaml]
ports:
  - { name: traffic, containerPort: {{ .Values.ports.traffic }}, protocol: TCP }
  - { name: admin, containerPort: {{ .Values.ports.admin }}, protocol: TCP }
env:
  - name: POD_NAME
    valueFrom: { fieldRef: { fieldPath: metadata.name } }
  - name: POD_IP
    valueFrom: { fieldRef: { fieldPath: status.podIP } }
  - name: SLUICE_ADMIN_TOKEN
    valueFrom:
      secretKeyRef: { name: {{ include "sluice.tokenSecret" . }}, key: {{ .Values.admin.tokenKey }} }
  - name: SLUICE_VIEWER_TOKEN
    valueFrom:
      secretKeyRef: { name: {{ include "sluice.tokenSecret" . }}, key: {{ .Values.admin.viewerTokenKey }}, optional: true }
  {{- range $name, $from := .Values.secretEnv }}
  - name: {{ $name }}
    valueFrom:
      secretKeyRef: { name: {{ $from.secret }}, key: {{ $from.key }} }
  {{- end }}
  {{- range $name, $value := .Values.env }}
  - name: {{ $name }}
    value: {{ $value | quote }}
  {{- end }}
{{- with .Values.envFrom }}
envFrom:
  {{- toYaml . | nindent 2 }}
{{- end }}
startupProbe:
  httpGet: { path: /healthz, port: admin }
  periodSeconds: 1
  timeoutSeconds: {{ .Values.probes.timeoutSeconds }}
  failureThreshold: {{ .Values.probes.startupFailureThreshold }}
livenessProbe:
  httpGet: { path: /healthz, port: admin }
  periodSeconds: {{ .Values.probes.periodSeconds }}
  timeoutSeconds: {{ .Values.probes.timeoutSeconds }}
  failureThreshold: {{ .Values.probes.failureThreshold }}
readinessProbe:
  httpGet: { path: /readyz, port: admin }
  periodSeconds: {{ .Values.probes.periodSeconds }}
  timeoutSeconds: {{ .Values.probes.timeoutSeconds }}
  failureThreshold: 1
resources:
  {{- toYaml .Values.resources | nindent 2 }}
securityContext:
  {{- toYaml .Values.securityContext | nindent 2 }}
volumeMounts:
  # The folder, not the file alone (subPath): Kubernetes renews only folders.
  - { name: sluice-config, mountPath: /etc/sluice, readOnly: true }
  - { name: sluice-data, mountPath: /var/lib/sluice }
  {{- if .Values.tls.existingSecret }}
  - { name: sluice-tls, mountPath: /etc/sluice-tls, readOnly: true }
  {{- end }}
  {{- with .Values.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{- define "sluice.volumes" -}}
- name: sluice-config
  configMap: { name: {{ include "sluice.fullname" . }} }
- name: sluice-data
  {{- if .Values.persistence.enabled }}
  persistentVolumeClaim: { claimName: {{ default (printf "%s-data" (include "sluice.fullname" .)) .Values.persistence.existingClaim }} }
  {{- else }}
  emptyDir: { sizeLimit: {{ .Values.emptyDirSizeLimit }} }
  {{- end }}
{{- with .Values.tls.existingSecret }}
- name: sluice-tls
  secret: { secretName: {{ . }} }
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* What a pod of the chart's own has besides its containers and volumes. */}}
{{- define "sluice.podSettings" -}}
serviceAccountName: {{ include "sluice.serviceAccount" . }}
automountServiceAccountToken: false
enableServiceLinks: false
terminationGracePeriodSeconds: {{ include "sluice.grace" . }}
securityContext:
  {{- toYaml .Values.podSecurityContext | nindent 2 }}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- if .Values.topologySpread.enabled }}
topologySpreadConstraints:
  {{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - topologyKey: {{ . }}
    maxSkew: {{ $.Values.topologySpread.maxSkew }}
    whenUnsatisfiable: {{ $.Values.topologySpread.whenUnsatisfiable }}
    labelSelector:
      matchLabels:
        {{- include "sluice.selector" $ | nindent 8 }}
    matchLabelKeys: [pod-template-hash]
  {{- end }}
{{- end }}
{{- end -}}

{{- define "sluice.podMetadata" -}}
labels:
  {{- include "sluice.labels" . | nindent 2 }}
  {{- with .Values.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
annotations:
  kubectl.kubernetes.io/default-container: sluice
  checksum/sluice: {{ include "sluice.checksum" . }}
  {{- with .Values.podAnnotations }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{/* The service outlives Sluice's drain, so that what is in flight is answered. */}}
{{- define "sluice.appLifecycle" -}}
preStop:
  sleep: { seconds: {{ add (int .Values.drain.delaySeconds) (int .Values.drain.deadlineSeconds) }} }
{{- end -}}

{{- define "sluice.strategy" -}}
{{- if or .Values.persistence.enabled (and (eq .Values.mode "sidecar") .Values.sidecar.app.persistence.enabled) -}}
type: Recreate
{{- else -}}
type: RollingUpdate
rollingUpdate: { maxUnavailable: 0, maxSurge: 1 }
{{- end -}}
{{- end -}}
