{{/*
The value of an option of airflow.cfg, as the values set it. An environment variable wins, as in Airflow.
Input: dict "context" $ "option" "scheduler.scheduler_heartbeat_sec" "default" 5
*/}}
{{- define "airflow-platform.setting" -}}
{{- $airflow := .context.Values.airflow -}}
{{- $section := splitList "." .option | first -}}
{{- $value := dig $section (splitList "." .option | last) .default $airflow.config -}}
{{- range $airflow.env -}}
{{- if eq .name ($.option | replace "." "__" | upper | printf "AIRFLOW__%s") -}}
{{- $value = .value -}}
{{- end -}}
{{- end -}}
{{- tpl (toString $value) .context.Subcharts.airflow -}}
{{- end -}}
