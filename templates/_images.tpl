{{/*
Reference of an image of the official chart. global.imageRegistry replaces the registry of the official
repositories; a repository of the user's own stays as it is.
Input: dict "values" .Values "official" <the official repository> "repository" "tag" "digest"
*/}}
{{- define "airflow-platform.images.reference" -}}
{{- $repository := .repository -}}
{{- with .values.global.imageRegistry -}}
{{- if eq $repository $.official -}}
{{- /* A first part with a dot, a colon or the name localhost is a registry. */ -}}
{{- $repository = printf "%s/%s" . (regexReplaceAll "^([^/]*[.:][^/]*|localhost)/" $repository "") -}}
{{- end -}}
{{- end -}}
{{- if .digest -}}
{{- printf "%s@%s" $repository .digest -}}
{{- else -}}
{{- printf "%s:%s" $repository (toString .tag) -}}
{{- end -}}
{{- end -}}

{{/*
Names of the pull Secrets that the values of the official chart give, as a YAML list.
The scope is the official chart.
*/}}
{{- define "airflow-platform.images.airflowPullSecrets" -}}
{{- $names := list -}}
{{- range .Values.imagePullSecrets | default (list (.Values.registry).secretName) -}}
{{- if kindIs "map" . -}}
{{- $names = append $names .name -}}
{{- else -}}
{{- $names = append $names . -}}
{{- end -}}
{{- end -}}
{{- if and (.Values.registry).connection (not (compact $names)) -}}
{{- $names = list (printf "%s-registry" (include "airflow.fullname" .)) -}}
{{- end -}}
{{- $names | compact | uniq | toYaml -}}
{{- end -}}

{{/*
global.imagePullSecrets with the pull Secrets that only the official chart's values give, as values to paste.
Empty where there are none. Input: the root of the wrapper.
*/}}
{{- define "airflow-platform.images.pullSecretsForAll" -}}
{{- $all := include "observability.imagePullSecrets" . | fromYamlArray -}}
{{- $missing := list -}}
{{- range include "airflow-platform.images.airflowPullSecrets" .Subcharts.airflow | fromYamlArray -}}
{{- if not (has (dict "name" .) $all) -}}
{{- $missing = append $missing (dict "name" .) -}}
{{- end -}}
{{- end -}}
{{- if $missing -}}
{{- dict "global" (dict "imagePullSecrets" (concat $all $missing)) | toYaml -}}
{{- end -}}
{{- end -}}

{{/*
Images that come from another registry than global.imageRegistry, because the values name their repositories.
As a YAML list. Input: the root of the wrapper.
*/}}
{{- define "airflow-platform.images.fromOtherRegistries" -}}
{{- $airflow := .Values.airflow -}}
{{- $used := dict
  "airflow_image" true
  "pod_template_image" true
  "default_airflow_image" $airflow.images.useDefaultImageForMigration
  "git_sync_image" $airflow.dags.gitSync.enabled
  "redis_image" $airflow.redis.enabled
  "statsd_image" $airflow.statsd.enabled
  "flower_image" $airflow.flower.enabled
  "pgbouncer_image" $airflow.pgbouncer.enabled
  "pgbouncer_exporter_image" $airflow.pgbouncer.enabled
-}}
{{- $images := list -}}
{{- range $template, $on := $used -}}
{{- if $on -}}
{{- $images = append $images (include $template $.Subcharts.airflow) -}}
{{- end -}}
{{- end -}}
{{- range $component := $airflow -}}
{{- if kindIs "map" $component -}}
{{- range concat ($component.extraInitContainers | default list) ($component.extraContainers | default list) -}}
{{- $images = append $images (tpl (.image | default "") $.Subcharts.airflow) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- with $airflow.config.kubernetes_executor.worker_container_repository -}}
{{- $images = append $images (tpl . $.Subcharts.airflow) -}}
{{- end -}}
{{- $others := list -}}
{{- range compact $images | uniq | sortAlpha -}}
{{- if not (hasPrefix (printf "%s/" $.Values.global.imageRegistry) .) -}}
{{- $others = append $others . -}}
{{- end -}}
{{- end -}}
{{- toYaml $others -}}
{{- end -}}
