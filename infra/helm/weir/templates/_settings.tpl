{{/* weir's settings: what every part shares, what one part has of its own, and secrets as files. */}}

{{- define "weir.check" -}}
{{- if and .Values.regions.cidrs (not .Values.region) }}
{{- fail "regions.cidrs is set and region is empty: say which of these regions this cluster is in, as in --set region=eu" }}
{{- end }}
{{- if not .Values.kafka.bootstrap }}
{{- fail "kafka.bootstrap is empty: set it to Kafka's brokers, as in --set kafka.bootstrap=kafka.kafka:9092" }}
{{- end }}
{{- if and .Values.worker.enabled (not .Values.clickhouse.url) (not .Values.clickhouse.existingSecret.name) }}
{{- fail "clickhouse.existingSecret.name and clickhouse.url are empty: name a Secret that holds ClickHouse's URL, or set worker.enabled=false where this cluster only counts" }}
{{- end }}
{{- end }}

{{/* Of all parts, as the data of a ConfigMap. */}}
{{- define "weir.shared" -}}
WEIR_KAFKA_BOOTSTRAP: {{ .Values.kafka.bootstrap | quote }}
WEIR_KAFKA_SECURITY_PROTOCOL: {{ .Values.kafka.securityProtocol | quote }}
{{- if hasPrefix "sasl_" .Values.kafka.securityProtocol }}
WEIR_KAFKA_SASL_MECHANISM: {{ .Values.kafka.sasl.mechanism | quote }}
{{- end }}
{{- if or .Values.kafka.ca.configMap .Values.kafka.ca.secret }}
WEIR_KAFKA_CA_FILE: /etc/weir/kafka-ca/ca.crt
{{- end }}
{{- with .Values.region }}
WEIR_REGION: {{ . | quote }}
{{- end }}
WEIR_NETWORK: {{ .Values.network | quote }}
{{- if .Values.regions.cidrs }}
WEIR_REGION_CIDRS: {{ .Values.regions.cidrs | quote }}
{{- end }}
{{- if .Values.regions.kafka }}
WEIR_REGION_KAFKA: {{ .Values.regions.kafka | quote }}
{{- end }}
{{- range $name, $value := .Values.config }}
{{ $name }}: {{ $value | quote }}
{{- end }}
{{- end }}

{{/* Who a part is to Kafka, as JSON: username, secret, key. Empty without a sasl_ protocol. */}}
{{- define "weir.kafkaUser" -}}
{{- $kafka := .root.Values.kafka -}}
{{- if and (hasPrefix "sasl_" $kafka.securityProtocol) (ne .part "console") -}}
{{- $own := get $kafka.users (ternary "worker" .part (eq .part "migrate")) -}}
{{- if $own -}}
{{- dict "username" $own.username "secret" $own.existingSecret.name "key" ($own.existingSecret.key | default "password") | toJson -}}
{{- else if not (and $kafka.sasl.username (or $kafka.sasl.password $kafka.sasl.existingSecret.name)) -}}
{{- fail (printf "kafka.users has no %s, and kafka.sasl names no user for it: set one of them" .part) -}}
{{- else if $kafka.sasl.existingSecret.name -}}
{{- dict "username" $kafka.sasl.username "secret" $kafka.sasl.existingSecret.name "key" $kafka.sasl.existingSecret.key | toJson -}}
{{- else -}}
{{- dict "username" $kafka.sasl.username "secret" (include "weir.secretName" .) "key" "kafka-password" | toJson -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* The chart's own Secret. Jobs have one of their own: they run before anything else of the release is there. */}}
{{- define "weir.secretName" -}}
{{ include "weir.name" .root }}{{ if has .part (list "topics" "migrate") }}-jobs{{ end }}
{{- end }}

{{- define "weir.secretData" -}}
{{- if and .Values.clickhouse.url (not .Values.clickhouse.existingSecret.name) }}
clickhouse-url: {{ .Values.clickhouse.url | quote }}
{{- end }}
{{- if and .Values.kafka.sasl.password (not .Values.kafka.sasl.existingSecret.name) }}
kafka-password: {{ .Values.kafka.sasl.password | quote }}
{{- end }}
{{- end }}

{{- define "weir.usesTables" -}}
{{- if has .part (list "worker" "detector" "migrate" "console") }}yes{{ end -}}
{{- end }}

{{/* The setting that has the URL, and the Secret that holds it: of the console's own user, where it has one. */}}
{{- define "weir.tablesSetting" -}}
{{- if and (eq .part "console") .root.Values.console.clickhouse.existingSecret.name }}WEIR_CLICKHOUSE_READ_URL_FILE{{ else }}WEIR_CLICKHOUSE_URL_FILE{{ end }}
{{- end }}

{{- define "weir.tablesSecret" -}}
{{- $own := .root.Values.console.clickhouse.existingSecret -}}
{{- if and (eq .part "console") $own.name }}{{ toJson $own }}{{ else }}{{ toJson .root.Values.clickhouse.existingSecret }}{{ end }}
{{- end }}

{{/* Environment of a part: what it has beside the shared settings. */}}
{{- define "weir.env" -}}
{{- $user := include "weir.kafkaUser" . -}}
{{- if $user }}
- name: WEIR_KAFKA_SASL_USERNAME
  value: {{ (fromJson $user).username | quote }}
- name: WEIR_KAFKA_SASL_PASSWORD_FILE
  value: /etc/weir/kafka/password
{{- end }}
{{- if .root.Values.kafka.schemaRegistry.existingSecret.name }}
- name: WEIR_SCHEMA_REGISTRY_URL_FILE
  value: /etc/weir/schema-registry/url
{{- end }}
{{- if include "weir.usesTables" . }}
- name: {{ include "weir.tablesSetting" . }}
  value: /etc/weir/clickhouse/url
{{- end }}
{{- range $name, $value := (get .root.Values .part | default dict).config }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end }}

{{- define "weir.envFrom" -}}
- configMapRef: {name: {{ include "weir.secretName" . }}}
{{- end }}

{{- define "weir.mounts" -}}
- {name: tmp, mountPath: /tmp}
{{- if include "weir.kafkaUser" . }}
- {name: kafka, mountPath: /etc/weir/kafka, readOnly: true}
{{- end }}
{{- if or .root.Values.kafka.ca.configMap .root.Values.kafka.ca.secret }}
- {name: kafka-ca, mountPath: /etc/weir/kafka-ca, readOnly: true}
{{- end }}
{{- if .root.Values.kafka.schemaRegistry.existingSecret.name }}
- {name: schema-registry, mountPath: /etc/weir/schema-registry, readOnly: true}
{{- end }}
{{- if include "weir.usesTables" . }}
- {name: clickhouse, mountPath: /etc/weir/clickhouse, readOnly: true}
{{- end }}
{{- end }}

{{- define "weir.volumes" -}}
{{- $values := .root.Values -}}
- name: tmp
  emptyDir: {}
{{- with include "weir.kafkaUser" . }}
{{- $user := fromJson . }}
- name: kafka
  secret:
    secretName: {{ $user.secret }}
    defaultMode: 0440
    items: [{key: {{ $user.key }}, path: password}]
{{- end }}
{{- with $values.kafka.ca }}
{{- if .configMap }}
- name: kafka-ca
  configMap:
    name: {{ .configMap }}
    items: [{key: {{ .key }}, path: ca.crt}]
{{- else if .secret }}
- name: kafka-ca
  secret:
    secretName: {{ .secret }}
    defaultMode: 0440
    items: [{key: {{ .key }}, path: ca.crt}]
{{- end }}
{{- end }}
{{- with $values.kafka.schemaRegistry.existingSecret }}
{{- if .name }}
- name: schema-registry
  secret:
    secretName: {{ .name }}
    defaultMode: 0440
    items: [{key: {{ .key }}, path: url}]
{{- end }}
{{- end }}
{{- if include "weir.usesTables" . }}
- name: clickhouse
  secret:
    defaultMode: 0440
{{- with include "weir.tablesSecret" . | fromJson }}
{{- if .name }}
    secretName: {{ .name }}
    items: [{key: {{ .key }}, path: url}]
{{- else }}
    secretName: {{ include "weir.secretName" $ }}
    items: [{key: clickhouse-url, path: url}]
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* Annotations of a part's pods: a pod is replaced when its settings change. */}}
{{- define "weir.podAnnotations" -}}
{{- $part := get .root.Values .part -}}
checksum/settings: {{ print (include "weir.shared" .root) (include "weir.secretData" .root) | sha256sum }}
{{- if and .root.Values.monitoring.annotations $part.metricsPort }}
prometheus.io/scrape: "true"
prometheus.io/port: {{ $part.metricsPort | quote }}
{{- end }}
{{- with $part.podAnnotations }}
{{ toYaml . }}
{{- end }}
{{- end }}
