{{/*
The files of all workflows, name -> content, as YAML. A ConfigMap has no folders, so "--" stands for "/" in the names,
as the adapter reads them. The scope is the wrapper.
*/}}
{{- define "airflow-platform.workflows.files" -}}
{{- $files := (include "airflow-platform.workflows.folder" . | fromYaml).files -}}
{{- range $workflow, $parts := .Values.jobs.workflows -}}
{{- with ($parts).workflow -}}
{{- $_ := set $files (printf "%s--workflow.yaml" $workflow) (dict "workflow" . | toYaml) -}}
{{- end -}}
{{- range $name, $job := ($parts).jobs -}}
{{- if not (kindIs "invalid" $job) -}}
{{- $_ := set $files (printf "%s--jobs--%s.yaml" $workflow $name) (dict "job" (merge (dict) $job (dict "name" $name)) | toYaml) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toYaml $files -}}
{{- end -}}

{{/*
What is in jobs.folder, as YAML: the `files` of workflows, workflow.yaml and jobs/<job>.yaml of each, and the paths of
other specifications, which are `unread` (as contracts/airflow_jobs/unread.py sees it).
*/}}
{{- define "airflow-platform.workflows.folder" -}}
{{- $files := dict -}}
{{- $unread := list -}}
{{- with .Values.jobs.folder -}}
{{- $folder := printf "%s/" (trimSuffix "/" .) -}}
{{- range $path, $content := $.Files.Glob (printf "%s**" $folder) -}}
{{- $name := trimPrefix $folder $path -}}
{{- if regexMatch "^[^/]+/(workflow|jobs/[^/]+)[.]ya?ml$" $name -}}
{{- $_ := set $files (replace "/" "--" $name) (toString $content) -}}
{{- else if and (regexMatch "(?i)[.]ya?ml$" $name) (not (regexMatch "(^|/)[._]" $name)) (regexMatch "(?m)^(job|workflow)[ \t]*:" (toString $content)) -}}
{{- $unread = append $unread $name -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- dict "files" $files "unread" $unread | toYaml -}}
{{- end -}}
