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
{{- with $job -}}
{{- $_ := set $files (printf "%s--jobs--%s.yaml" $workflow $name) (dict "job" (merge (dict) . (dict "name" $name)) | toYaml) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toYaml $files -}}
{{- end -}}

{{/*
Those of jobs.folder: of each workflow there workflow.yaml and jobs/<job>.yaml, and nothing else.
*/}}
{{- define "airflow-platform.workflows.filesOfFolder" -}}
{{- $files := dict -}}
{{- with .Values.jobs.folder -}}
{{- $folder := printf "%s/" (trimSuffix "/" .) -}}
{{- range $path, $content := $.Files.Glob (printf "%s*/{workflow,jobs/*}.{yaml,yml}" $folder) -}}
{{- $_ := set $files (trimPrefix $folder $path | replace "/" "--") (toString $content) -}}
{{- end -}}
{{- end -}}
{{- toYaml $files -}}
{{- end -}}
