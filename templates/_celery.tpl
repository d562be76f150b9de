{{/*
The Celery workers of the official chart, those of `workers.celery` and each of its sets, as a YAML list:
  name  of the set; default for the workers outside of sets
  own   what the set itself sets
  keda, hpa  how they are scaled: by the settings of `workers`, or of their own. A null sets nothing.
Input: .Values.airflow.workers
*/}}
{{- define "airflow-platform.celery.workers" -}}
{{- $workers := . -}}
{{- $celery := .celery | default dict -}}
{{- $sets := $celery.sets | default list -}}
{{- if ne (toString $celery.enableDefault) "false" -}}{{- $sets = prepend $sets dict -}}{{- end -}}
{{- $all := list -}}
{{- range $set := $sets -}}
{{- $scaled := dict "name" ($set.name | default "default") "own" $set "keda" dict "hpa" dict -}}
{{- range $owner := list $workers $celery $set -}}
{{- range $way := list "keda" "hpa" -}}
{{- range $key, $value := get $owner $way | default dict -}}
{{- if not (kindIs "invalid" $value) -}}{{- $_ := set (get $scaled $way) $key $value -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $all = append $all $scaled -}}
{{- end -}}
{{- toYaml $all -}}
{{- end -}}
