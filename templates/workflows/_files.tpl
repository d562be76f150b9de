{{/*
The files of all workflows, name -> content, as YAML. A ConfigMap has no folders, so "--" stands for "/" in the names,
as the adapter reads them. The scope is the wrapper.
*/}}
{{- define "airflow-platform.workflows.files" -}}
{{- $files := include "airflow-platform.workflows.filesOfFolder" . | fromYaml -}}
{{- range $workflow, $parts := .Values.jobs.workflows -}}
{{- with ($parts).workflow -}}
{{- $_ := set $files (printf "%s--workflow.yaml" $workflow) (dict "workflow" . | toYaml) -}}
{{- end -}}
{{- range $name, $job := ($parts).jobs -}}
{{- $job := merge (dict) $job (dict "name" $name) -}}
{{- $_ := set $files (printf "%s--jobs--%s.yaml" $workflow $name) (dict "job" $job | toYaml) -}}
{{- end -}}
{{- end -}}
{{- toYaml $files -}}
{{- end -}}

{{/* Those of jobs.folder. What is in no folder of a workflow, such as a values file beside them, is left out. */}}
{{- define "airflow-platform.workflows.filesOfFolder" -}}
{{- $files := dict -}}
{{- with .Values.jobs.folder -}}
{{- $folder := printf "%s/" (trimSuffix "/" .) -}}
{{- range $path, $content := $.Files.Glob (printf "%s*/**.{yaml,yml}" $folder) -}}
{{- $_ := set $files (trimPrefix $folder $path | replace "/" "--") (toString $content) -}}
{{- end -}}
{{- end -}}
{{- toYaml $files -}}
{{- end -}}
