{{/*
The sidecar for pods that run many tasks: Celery workers and triggerers. Of these the official chart
takes extra init containers and volumes as lists of values, which it evaluates with tpl: an entry
cannot be a template, but a string in it can. So the overlay (examples/celery/values.yaml) has

    extraInitContainers: [{name: '{{ include "observability.taskLogs.initContainerFields" . }}'}]
    extraVolumes:        [{name: '{{ include "observability.taskLogs.volumeFields" . }}'}]

and what is included closes the quote after the name, goes on with the other fields, and ends with a
comment sign before the closing quote. The scope is the official chart's.
*/}}
{{- define "observability.taskLogs.initContainerFields" -}}
{{- include "observability.taskLogs.checkOfficialChart" . -}}
{{- $timeout := include "observability.taskLogs.drainTimeoutSeconds" (dict "settings" .Values.global.taskLogs "airflowVersion" .Values.airflowVersion) -}}
{{- $logsMount := dict "name" "logs" "subPath" .Values.logs.persistence.subPath -}}
{{- $container := include "observability.taskLogs.container" (dict "context" . "logsMount" $logsMount "runAsUser" .Values.uid "drainTimeoutSeconds" $timeout) | fromYaml -}}

{{- /* Checkpoints go beside the logs: what was delivered is not read again when the pod restarts. */ -}}
{{- range $container.volumeMounts -}}
{{- if eq .name "task-logs-data" -}}
{{- $_ := mergeOverwrite . (dict "name" "logs" "subPath" ".task-logs") -}}
{{- end -}}
{{- end -}}

{{- $container.name }}'
{{- omit $container "name" | toYaml | nindent 2 }}
  #
{{- end -}}

{{- define "observability.taskLogs.volumeFields" -}}
{{- $volumes := list -}}
{{- range include "observability.taskLogs.volumes" . | fromYamlArray -}}
{{- if ne .name "task-logs-data" -}}{{- $volumes = append $volumes . -}}{{- end -}}
{{- end -}}
{{- $first := first $volumes -}}
{{- $first.name }}'
{{- omit $first "name" | toYaml | nindent 2 }}
{{ with rest $volumes }}{{ toYaml . }}{{ end }}
  #
{{- end -}}
