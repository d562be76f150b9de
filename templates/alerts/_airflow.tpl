{{/*
What the alerts must know of the Airflow that this release installs; see files/alerts/expected.yaml of the add-on. An
empty mapping where it installs none. The scope is the wrapper.

  components:            by name: wanted replicas, and seconds between two heartbeats
  fileIntervalSeconds    seconds between two parsings of a DAG file
  everyTask              whether each task has a pod of its own
  leftOut                metrics that Airflow is told not to send, of those that alerts need
*/}}
{{- define "airflow-platform.alerts.airflow" -}}
{{- $airflow := .Values.airflow -}}
{{- if $airflow.enabled -}}
{{- $airflow3 := semverCompare ">=3.0.0-0" $airflow.airflowVersion -}}
{{- $dagProcessor := kindIs "invalid" $airflow.dagProcessor.enabled | ternary $airflow3 $airflow.dagProcessor.enabled -}}
{{- $keda := $airflow.triggerer.keda -}}
{{- $fileInterval := printf "%s.min_file_process_interval" ($airflow3 | ternary "dag_processor" "scheduler") -}}
{{- $defaults := dict "scheduler.scheduler_heartbeat_sec" "5" "scheduler.job_heartbeat_sec" "5" "triggerer.job_heartbeat_sec" "5" $fileInterval "30" -}}
{{- $settings := include "airflow-platform.settings" (dict "context" . "defaults" $defaults) | fromYaml -}}
{{- range $option, $default := $defaults -}}
{{- if not (regexMatch "^[0-9]*[.]?[0-9]+$" (get $settings $option | trim)) -}}
{{- $_ := set $settings $option $default -}}
{{- end -}}
{{- $_ := set $settings $option (get $settings $option | trim | float64) -}}
{{- end -}}
components:
  scheduler:
    replicas: {{ dig "enabled" true $airflow.scheduler | ternary (include "airflow-platform.alerts.replicas" $airflow.scheduler) 0 | int }}
    heartbeatSeconds: {{ get $settings "scheduler.scheduler_heartbeat_sec" }}
  triggerer:
    replicas: {{ $airflow.triggerer.enabled | ternary ($keda.enabled | ternary $keda.minReplicaCount (include "airflow-platform.alerts.replicas" $airflow.triggerer)) 0 | int }}
    heartbeatSeconds: {{ get $settings "triggerer.job_heartbeat_sec" }}
  dagProcessor:
    replicas: {{ $dagProcessor | ternary (include "airflow-platform.alerts.replicas" $airflow.dagProcessor) 0 | int }}
    heartbeatSeconds: {{ get $settings "scheduler.job_heartbeat_sec" }}
fileIntervalSeconds: {{ get $settings $fileInterval }}
everyTask: {{ eq (include "airflow-platform.executors" $airflow.executor | fromYaml | keys | join ",") "pods" }}
leftOut: {{ (include "airflow-platform.alerts.leftOut" . | fromJson).metrics | toJson }}
{{- end -}}
{{- end -}}

{{/* Replicas of a Deployment; without a number Kubernetes takes one. Input: the values of the component. */}}
{{- define "airflow-platform.alerts.replicas" -}}
{{- kindIs "invalid" .replicas | ternary 1 .replicas -}}
{{- end -}}

{{/*
The metrics that alerts need and that the lists of Airflow leave out, as JSON: {"metrics": [...], "unknown": [...]}. The
second list has the patterns that only Python can judge; they are taken not to leave out anything. The list of allowed
names wins. Airflow 2 compares beginnings of names unless it is told to look for patterns; Airflow 3 looks for patterns.
https://airflow.apache.org/docs/apache-airflow/stable/administration-and-deployment/logging-monitoring/metrics.html
*/}}
{{- define "airflow-platform.alerts.leftOut" -}}
{{- $defaults := dict "metrics.metrics_use_pattern_match" "" "metrics.metrics_allow_list" "" "metrics.metrics_block_list" "" -}}
{{- $settings := include "airflow-platform.settings" (dict "context" . "defaults" $defaults) | fromYaml -}}
{{- $patterns := or (semverCompare ">=3.0.0-0" .Values.airflow.airflowVersion) (has (get $settings "metrics.metrics_use_pattern_match" | lower) (list "true" "t" "1")) -}}
{{- $allowed := get $settings "metrics.metrics_allow_list" -}}
{{- $blocked := get $settings "metrics.metrics_block_list" -}}
{{- $leftOut := dict -}}
{{- $unknown := list -}}
{{- if $patterns -}}
{{- range splitList "," ($allowed | default $blocked) -}}
{{- /* Each pattern of RE2 matches the empty text with this end; one that is not valid matches nothing. */ -}}
{{- if not (regexMatch (printf "%s|" (trim .)) "") -}}{{- $unknown = append $unknown (trim .) -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- range .Subcharts.observability.Files.Get "files/alerts/expected.yaml" | fromYaml -}}
{{- range $name := .metrics -}}
{{- $found := and $unknown $allowed | empty | not -}}
{{- range splitList "," ($allowed | default $blocked) -}}
{{- $entry := trim . -}}
{{- if and $entry ($patterns | ternary (regexMatch $entry $name) (hasPrefix (lower $entry) $name)) -}}
{{- $found = true -}}
{{- end -}}
{{- end -}}
{{- if ne $found (ne $allowed "") -}}
{{- $_ := set $leftOut $name true -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- dict "metrics" (keys $leftOut | sortAlpha) "unknown" $unknown | toJson -}}
{{- end -}}
