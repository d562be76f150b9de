{{/*
Names of the database, and where it is. The scope of these templates is this chart.
*/}}

{{/*
Where the database is, as YAML:
  source    external or official (the PostgreSQL of the official chart)
  host, port  where Airflow connects to; an empty host: unknown
  pooler    official (PgBouncer of the official chart), or nothing
  direct    host and port past the pooler
*/}}
{{- define "airflow-platform.database.endpoint" -}}
{{- $airflow := .Values.airflow -}}
{{- $connection := $airflow.data.metadataConnection -}}
{{- $endpoint := dict "source" "external" "host" "" "port" 5432 -}}
{{- if $airflow.postgresql.enabled -}}
{{- $_ := set $endpoint "source" "official" -}}
{{- else if not $airflow.data.metadataSecretName -}}
{{- $endpoint = dict "source" "external" "host" ($connection.host | default "") "port" $connection.port -}}
{{- end -}}
{{- $_ := set $endpoint "direct" (pick $endpoint "host" "port") -}}
{{- $_ := set $endpoint "pooler" "" -}}
{{- if $airflow.pgbouncer.enabled -}}
{{- $_ := set $endpoint "pooler" "official" -}}
{{- $_ := set $endpoint "port" $airflow.ports.pgbouncer -}}
{{- end -}}
{{- toYaml $endpoint -}}
{{- end -}}
