{{/*
Vector's configuration: files/task-logs/vector.yaml, which is valid by itself, with the values put in.
*/}}
{{- define "observability.taskLogs.vectorConfig" -}}
{{- $settings := .Values.global.taskLogs -}}
{{- $config := .Files.Get "files/task-logs/vector.yaml" | fromYaml -}}
{{- $_ := set $config.sources.task_logs "max_line_bytes" (int64 $settings.maxLineBytes) -}}

{{- $loki := $config.sinks.loki -}}
{{- $_ := set $loki "endpoint" $settings.loki.endpoint -}}
{{- $_ := set $loki "path" $settings.loki.path -}}
{{- $_ := set $loki "compression" $settings.loki.compression -}}
{{- $_ := set $loki.batch "max_bytes" (int64 $settings.loki.batch.maxBytes) -}}
{{- $_ := set $loki.batch "timeout_secs" $settings.loki.batch.timeoutSeconds -}}
{{- $_ := set $loki.request "timeout_secs" (int64 $settings.loki.requestTimeoutSeconds) -}}
{{- with $settings.loki.tenantId -}}
{{- $_ := set $loki "tenant_id" . -}}
{{- end -}}
{{- include "observability.taskLogs.setCredentials" (dict "config" $config "loki" $settings.loki) -}}

{{- $transforms := $config.transforms -}}
{{- $_ := set $transforms.fields "source" (include "observability.taskLogs.fields" $settings) -}}

{{- $programs := list "parse.vrl" -}}
{{- with $settings.recordFormat.header -}}
{{- $programs = prepend $programs "record-format.vrl" -}}
{{- range $name := list "start_pattern" "condition_pattern" -}}
{{- $multiline := $config.sources.task_logs.multiline -}}
{{- $_ := set $multiline $name (printf "^(?:%s)|%s" $settings.recordFormat.header (get $multiline $name)) -}}
{{- end -}}
{{- end -}}
{{- if $settings.redaction.enabled -}}
{{- $_ := set $transforms.suspicious.route "secrets" (include "observability.taskLogs.redactCondition" .) -}}
{{- else -}}
{{- range list "suspicious" "redact" "redacted" -}}
{{- $_ := unset $transforms . -}}
{{- end -}}
{{- $_ := set $transforms.parse "inputs" (list "task_logs") -}}
{{- $_ := unset $config.sinks "redaction_count" -}}
{{- end -}}
{{- if or $settings.extraTransforms $settings.extraSinks -}}
{{- $programs = append $programs "author-keys.vrl" -}}
{{- end -}}
{{- $_ := set $transforms.parse "files" $programs -}}

{{- /* The steps between parse and split; each reads the one before it, whose id is $last. */ -}}
{{- $last := "parse" -}}
{{- with $settings.minimumLevel -}}
{{- $levels := list "debug" "info" "warning" "error" "critical" -}}
{{- $below := initial (regexSplit . (join "," $levels) 2 | first | splitList ",") -}}
{{- $condition := printf "!includes(%s, .level)" ($below | toJson) -}}
{{- $_ := set $transforms "level" (dict "type" "filter" "inputs" (list $last) "condition" $condition) -}}
{{- $last = "level" -}}
{{- end -}}
{{- /* Vector refuses an id that two steps have, of whatever kind they are. */ -}}
{{- $ids := concat (keys $config.sources $transforms $config.sinks) (list "internal_metrics" "internal_metrics_exporter") -}}
{{- range $settings.extraTransforms -}}
{{- if has .id $ids -}}
{{- $example := dict "global" (dict "taskLogs" (dict "extraTransforms" (list (merge (dict "id" (printf "my_%s" .id)) .)))) -}}
{{- fail (printf "\n\nglobal.taskLogs.extraTransforms: the chart has a step with the id %q already.\nChoose another id, such as:\n\n%s\n" .id (toYaml $example | indent 2)) -}}
{{- end -}}
{{- $_ := set $transforms .id (merge (dict "inputs" (list $last)) (omit . "id")) -}}
{{- $last = .id -}}
{{- $ids = append $ids .id -}}
{{- end -}}
{{- $_ := set $transforms.split "inputs" (list $last) -}}

{{- range $id, $sink := $settings.extraSinks -}}
{{- if has $id $ids -}}
{{- $example := dict "global" (dict "taskLogs" (dict "extraSinks" (dict (printf "my_%s" $id) $sink))) -}}
{{- fail (printf "\n\nglobal.taskLogs.extraSinks: the chart has a step with the id %q already.\nChoose another id, such as:\n\n%s\n" $id (toYaml $example | indent 2)) -}}
{{- end -}}
{{- $_ := set $config.sinks $id (merge (dict) $sink (dict "inputs" (list "fields"))) -}}
{{- end -}}

{{- if $settings.internalMetrics.enabled -}}
{{- $_ := set $config.sources "internal_metrics" (dict "type" "internal_metrics") -}}
{{- $_ := set $config.sinks "internal_metrics_exporter" (dict "type" "prometheus_exporter" "inputs" (list "internal_metrics") "address" "0.0.0.0:9598") -}}
{{- end -}}
{{- /* In quotes, because Vector puts a secret into the text of this file before it reads the text as YAML. */ -}}
{{- regexReplaceAll "(?m)SECRET\\[loki\\.LOKI_[A-Z_]+\\]$" (toYaml $config) "\"${0}\"" -}}
{{- end -}}

{{/*
Credentials for Loki. The configuration refers to them; Vector gets them from drain.sh through a pipe
(https://vector.dev/docs/reference/configuration/secrets/).
Input: dict "config" <Vector's configuration> "loki" .Values.global.taskLogs.loki
*/}}
{{- define "observability.taskLogs.setCredentials" -}}
{{- $sink := .config.sinks.loki -}}
{{- if or .loki.auth.secretName .loki.tls.clientSecretName -}}
{{- $_ := set .config "secret" (dict "loki" (dict "type" "exec" "command" (list "cat" "/proc/self/fd/3"))) -}}
{{- end -}}
{{- with .loki.auth -}}
{{- if .secretName -}}
{{- if eq .strategy "bearer" -}}
{{- $_ := set $sink "auth" (dict "strategy" "bearer" "token" "SECRET[loki.LOKI_TOKEN]") -}}
{{- else -}}
{{- $_ := set $sink "auth" (dict "strategy" "basic" "user" "SECRET[loki.LOKI_USERNAME]" "password" "SECRET[loki.LOKI_PASSWORD]") -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $tls := dict -}}
{{- if .loki.tls.caSecretName -}}
{{- $_ := set $tls "ca_file" (printf "/etc/task-logs-ca/%s" .loki.tls.caKey) -}}
{{- end -}}
{{- if .loki.tls.clientSecretName -}}
{{- $_ := set $tls "crt_file" "SECRET[loki.LOKI_CLIENT_CERTIFICATE]" -}}
{{- $_ := set $tls "key_file" "SECRET[loki.LOKI_CLIENT_KEY]" -}}
{{- end -}}
{{- if $tls -}}
{{- $_ := set $sink "tls" $tls -}}
{{- end -}}
{{- end -}}

{{/*
VRL that finds the record of a line by the user's own format. It runs before parse.vrl.
Input: .Values.global.taskLogs.recordFormat
*/}}
{{- define "observability.taskLogs.recordFormat" -}}
.declared = parse_regex(string(.message) ?? "", r'^(?:{{ .header }})') ?? null
{{- with .timestampFormat }}
if is_object(.declared) { .declared.timestamp = parse_timestamp(.declared.timestamp, {{ . | quote }}) ?? null }
{{- end }}
{{ end -}}

{{/*
VRL that builds Loki's labels and structured metadata. `compact` leaves out the fields that an event lacks. The ids by
which the dashboards find lines are structured metadata where they are no labels.
Input: .Values.global.taskLogs
*/}}
{{- define "observability.taskLogs.fields" -}}
{{- $metadata := .metadataFields -}}
{{- range list "dag_id" "task_id" -}}
{{- if not (has . (concat $.labelFields $metadata)) -}}{{- $metadata = append $metadata . -}}{{- end -}}
{{- end -}}
.labels = {{ include "observability.taskLogs.vrlObject" (dict "fields" .labelFields "static" .labels) }}
.structured_metadata = {{ include "observability.taskLogs.vrlObject" (dict "fields" $metadata "static" .metadata) }}
{{ end -}}

{{/*
A VRL object with one entry for each field of the event, and one for each fixed value. The node is the same for all
events of a pod and is not one of their fields.
Input: dict "fields" <names of event fields> "static" <fixed values by name>
*/}}
{{- define "observability.taskLogs.vrlObject" -}}
{{- $entries := list -}}
{{- range $name := .fields -}}
{{- $value := eq $name "node" | ternary `get_env_var("NODE_NAME") ?? null` (printf ".%s" $name) -}}
{{- $entries = append $entries (printf "%q: %s" $name $value) -}}
{{- end -}}
{{- range $name, $value := .static -}}
{{- $entries = append $entries (printf "%q: %s" $name ($value | toJson)) -}}
{{- end -}}
compact({ {{- join ", " $entries -}} })
{{- end -}}
