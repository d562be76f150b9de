{{/*
Where the database is, as YAML: source (official or external), host, port, name, user and sslmode. An empty host:
unknown, only the Secret with the connection knows.
*/}}
{{- define "airflow-platform.database.endpoint" -}}
{{- $airflow := .Values.airflow -}}
{{- $endpoint := dict "source" "external" "host" "" -}}
{{- if $airflow.postgresql.enabled -}}
{{- $auth := mergeOverwrite (deepCopy ($airflow.postgresql.auth | default dict)) (dig "postgresql" "auth" dict .Values.global | deepCopy) -}}
{{- $host := printf "%s-postgresql.%s" .Release.Name .Release.Namespace -}}
{{- $endpoint = dict "source" "official" "host" $host "port" 5432 "name" ($auth.database | default "postgres") "user" ($auth.username | default "postgres") "sslmode" "disable" -}}
{{- end -}}
{{- toYaml $endpoint -}}
{{- end -}}
