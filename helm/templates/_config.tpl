{{/* What values.schema.json cannot say: which values do not go together. */}}
{{- define "sluice.validate" -}}
{{- $config := .Values.config -}}
{{- if not $config.upstreams -}}
{{- fail "config.upstreams: name the services that Sluice sends traffic to, such as { lightrag: { url: \"http://lightrag:9621\" } }" -}}
{{- end -}}
{{- if not $config.routes -}}
{{- fail "config.routes: without a route every request gets 404; name one, such as { match: \"/**\", upstream: lightrag }" -}}
{{- end -}}
{{- range list "host" "port" "tls" "drain_delay" "drain_deadline" -}}
{{- if hasKey (default dict $config.listen) . -}}
{{- fail (printf "config.listen.%s: the chart sets it; use listenHost, ports.traffic, tls.existingSecret, drain.delaySeconds, drain.deadlineSeconds" .) -}}
{{- end -}}
{{- end -}}
{{- if hasKey $config "admin" -}}
{{- fail "config.admin: the chart sets it; use ports.admin, admin.existingSecret, admin.readOnly" -}}
{{- end -}}
{{- if hasKey $config "replica" -}}
{{- fail "config.replica: the chart sets it to the pod's name and address" -}}
{{- end -}}
{{- with .Values.experimentsText -}}
{{- if $config.experiments -}}
{{- fail "experimentsText: config.experiments is there, too; leave one out" -}}
{{- end -}}
{{- with (fromYaml .).Error -}}
{{- fail (printf "experimentsText is not YAML: %s" .) -}}
{{- end -}}
{{- end -}}
{{- $several := or (gt (int .Values.replicaCount) 1) .Values.autoscaling.enabled -}}
{{- $what := ternary "autoscaling.enabled is true" (printf "replicaCount is %d" (int .Values.replicaCount)) .Values.autoscaling.enabled -}}
{{- if and $several (not (dig "store" "postgres" "" $config)) -}}
{{- fail (printf "%s, but config.store.postgres is not set: each replica would judge and move the split by itself. Set config.store.postgres, such as \"${DATABASE_URL}\" with secretEnv.DATABASE_URL, or run one replica" $what) -}}
{{- end -}}
{{- if and $several .Values.persistence.enabled -}}
{{- fail (printf "%s, but persistence.enabled gives all replicas one volume: switch it off, PostgreSQL keeps what must last" $what) -}}
{{- end -}}
{{- if and .Values.autoscaling.enabled (gt (int .Values.autoscaling.minReplicas) (int .Values.autoscaling.maxReplicas)) -}}
{{- fail "autoscaling.minReplicas is more than autoscaling.maxReplicas" -}}
{{- end -}}
{{- if and .Values.autoscaling.enabled (eq .Values.mode "sidecar") -}}
{{- fail "autoscaling.enabled: in mode sidecar the service decides how many pods there are" -}}
{{- end -}}
{{- end -}}

{{/* The configuration as Sluice reads it. */}}
{{- define "sluice.config" -}}
{{- $config := deepCopy .Values.config -}}
{{- $listen := dict
  "host" .Values.listenHost
  "port" (int .Values.ports.traffic)
  "drain_delay" (printf "%ds" (int .Values.drain.delaySeconds))
  "drain_deadline" (printf "%ds" (int .Values.drain.deadlineSeconds)) -}}
{{- if .Values.tls.existingSecret -}}
{{- $_ := set $listen "tls" (dict "cert" "/etc/sluice-tls/tls.crt" "key" "/etc/sluice-tls/tls.key") -}}
{{- end -}}
{{- $_ := set $config "listen" (merge $listen (default dict $config.listen)) -}}
{{- $_ := set $config "admin" (dict
  "host" .Values.listenHost
  "port" (int .Values.ports.admin)
  "token" "${SLUICE_ADMIN_TOKEN}"
  "viewer_token" "${SLUICE_VIEWER_TOKEN:-}"
  "read_only" .Values.admin.readOnly) -}}
{{- if not $config.store -}}
{{- $_ := set $config "store" (dict "sqlite" "/var/lib/sluice/sluice.db") -}}
{{- else if $config.store.postgres -}}
{{- $_ := set $config "store" (merge (dict) $config.store (dict "spool" "/var/lib/sluice/spool")) -}}
{{- $ip := ternary "[${POD_IP}]" "${POD_IP}" (eq .Values.podIPFamily "IPv6") -}}
{{- $_ := set $config "replica" (dict
  "name" "${POD_NAME}"
  "admin_url" (printf "http://%s:%d" $ip (int .Values.ports.admin))) -}}
{{- end -}}
{{- toYaml $config -}}
{{- with .Values.experimentsText }}
experiments:
  {{- . | nindent 2 }}
{{- end -}}
{{- end -}}

{{/* Changes with whatever must replace the pods. */}}
{{- define "sluice.checksum" -}}
{{- $config := include "sluice.config" . | fromYaml -}}
{{- if eq .Values.reload "roll" -}}
{{- include "sluice.config" . | sha256sum -}}
{{- else -}}
{{- list $config.listen.host $config.listen.port $config.listen.workers $config.listen.tls $config.store $config.replica $config.admin.host $config.admin.port | toYaml | sha256sum -}}
{{- end -}}
{{- end -}}

{{- define "sluice.grace" -}}
{{- add (int .Values.drain.delaySeconds) (int .Values.drain.deadlineSeconds) (int .Values.drain.marginSeconds) -}}
{{- end -}}
