{{/*
Names of the database, and where it is. The scope of these templates is this chart, with airflow.enabled.
*/}}

{{/*
Where the database is, as YAML:
  source    external, cloudNativePG or official (the PostgreSQL of the official chart)
  host, port, name, user, sslmode   what the connection in the Secret of airflow.data.metadataSecretName says; an empty
            host: only the Secret knows it; an empty sslmode: the connection has none
  pooler    what the connection goes through: cloudNativePG (a Pooler), official (PgBouncer of the official chart), or
            nothing
  direct    host, port and name past the pooler, for migrations and pg_dump
*/}}
{{- define "airflow-platform.database.endpoint" -}}
{{- $airflow := .Values.airflow -}}
{{- $endpoint := dict -}}
{{- if .Values.database.cloudNativePG.enabled -}}
{{- $host := printf "%s-rw.%s" (include "airflow-platform.database.clusterName" .) .Release.Namespace -}}
{{- $endpoint = dict "source" "cloudNativePG" "host" $host "port" 5432 "name" "airflow" "user" "airflow" "sslmode" "" -}}
{{- else if $airflow.postgresql.enabled -}}
{{- $endpoint = include "airflow-platform.database.ofOfficialChart" . | fromYaml -}}
{{- else if or .Values.database.external.host $airflow.data.metadataSecretName -}}
{{- $endpoint = merge (dict "source" "external") .Values.database.external -}}
{{- else -}}
{{- $connection := $airflow.data.metadataConnection -}}
{{- $endpoint = dict "source" "external" "host" ($connection.host | default "") "port" $connection.port "name" $connection.db "user" $connection.user "sslmode" $connection.sslmode -}}
{{- end -}}
{{- $_ := set $endpoint "direct" (pick $endpoint "host" "port" "name") -}}
{{- $_ := set $endpoint "pooler" "" -}}
{{- if and .Values.database.cloudNativePG.enabled .Values.database.cloudNativePG.pooler.enabled -}}
{{- $_ := set $endpoint "pooler" "cloudNativePG" -}}
{{- $_ := set $endpoint "host" (printf "%s.%s" (include "airflow-platform.database.poolerName" .) .Release.Namespace) -}}
{{- else if $airflow.pgbouncer.enabled -}}
{{- $_ := set $endpoint "pooler" "official" -}}
{{- $_ := set $endpoint "host" (printf "%s-pgbouncer.%s" (include "airflow.fullname" .Subcharts.airflow) .Release.Namespace) -}}
{{- $_ := set $endpoint "port" $airflow.ports.pgbouncer -}}
{{- $_ := set $endpoint "name" (printf "%s-metadata" .Release.Name) -}}
{{- end -}}
{{- $_ := set $endpoint "port" (int $endpoint.port) -}}
{{- $_ := set $endpoint.direct "port" (int $endpoint.direct.port) -}}
{{- toYaml $endpoint -}}
{{- end -}}

{{/*
The users and passwords of the PostgreSQL of the official chart, as YAML. As in its own chart, those below `global` win,
but for empty ones.
*/}}
{{- define "airflow-platform.database.officialAuth" -}}
{{- $own := .Values.airflow.postgresql.auth | default dict -}}
{{- $auth := mergeOverwrite (deepCopy $own) (dig "postgresql" "auth" dict .Values.global | deepCopy) -}}
{{- range $key, $value := $own -}}{{- if not (get $auth $key) -}}{{- $_ := set $auth $key $value -}}{{- end -}}{{- end -}}
{{- toYaml $auth -}}
{{- end -}}

{{/* The same for the PostgreSQL of the official chart, whose Service has the name that its own chart makes. */}}
{{- define "airflow-platform.database.ofOfficialChart" -}}
{{- $values := .Values.airflow.postgresql -}}
{{- $name := $values.nameOverride | default "postgresql" -}}
{{- $service := $values.fullnameOverride | default (contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name)) | trunc 63 | trimSuffix "-" -}}
{{- if eq ($values.architecture | default "standalone") "replication" -}}
{{- $service = printf "%s-primary" $service -}}
{{- end -}}
{{- $auth := include "airflow-platform.database.officialAuth" . | fromYaml -}}
{{- $connection := .Values.airflow.data.metadataConnection -}}
{{- dict "source" "official"
  "host" (printf "%s.%s" $service .Release.Namespace)
  "port" 5432
  "name" ($auth.database | default "postgres")
  "user" ($auth.username | default "postgres")
  "sslmode" ($connection.sslmode | default "disable") | toYaml -}}
{{- end -}}

{{/* The Cluster of CloudNativePG. Its Services are <name>-rw, -ro and -r, its pods <name>-1 and so on. */}}
{{- define "airflow-platform.database.clusterName" -}}
{{- printf "%s-database" .Release.Name -}}
{{- end -}}

{{/* The Pooler of CloudNativePG, and its Service. */}}
{{- define "airflow-platform.database.poolerName" -}}
{{- printf "%s-pooler" (include "airflow-platform.database.clusterName" .) -}}
{{- end -}}
