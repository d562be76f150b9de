{{/*
The keys and passwords that the official chart makes up in each render where the values have none, as YAML: for each
Secret to create the values that name it, and the arguments that create it. An empty list: none is made up.
*/}}
{{- define "airflow-platform.secrets.madeUp" -}}
{{- $values := .Values.airflow -}}
{{- $airflow := include "airflow.fullname" .Subcharts.airflow -}}
{{- $hasApiServer := and $values.apiServer.enabled (semverCompare ">=3.0.0" $values.airflowVersion) -}}
{{- if not (or $values.fernetKey $values.fernetKeySecretName) }}
- values: {fernetKeySecretName: airflow-fernet}
  create: airflow-fernet --from-literal=fernet-key="$(openssl rand -base64 32 | tr '+/' '-_')"
{{- end }}
{{- if and $hasApiServer (not (or $values.apiSecretKey $values.apiSecretKeySecretName)) }}
- values: {apiSecretKeySecretName: airflow-api}
  create: airflow-api --from-literal=api-secret-key="$(openssl rand -hex 32)"
{{- end }}
{{- if and $hasApiServer (not (or $values.jwtSecret $values.jwtSecretName)) }}
- values: {jwtSecretName: airflow-jwt}
  create: airflow-jwt --from-literal=jwt-secret="$(openssl rand -hex 64)"
{{- end }}
{{- if and (semverCompare "<3.0.0" $values.airflowVersion) (not (or $values.webserverSecretKey $values.webserverSecretKeySecretName)) }}
- values: {webserverSecretKeySecretName: airflow-webserver}
  create: airflow-webserver --from-literal=webserver-secret-key="$(openssl rand -hex 32)"
{{- end }}
{{- if and $values.redis.enabled (not (or $values.redis.password $values.redis.passwordSecretName)) }}
{{- $broker := $values.data.brokerUrlSecretName | default "airflow-broker" }}
- values: {redis: {passwordSecretName: airflow-redis}, data: {brokerUrlSecretName: {{ $broker }}}}
  create: airflow-redis --from-literal=password="${password:=$(openssl rand -hex 32)}"
- values: {}
  create: {{ $broker }} --from-literal=connection="redis://:$password@{{ $airflow }}-redis:6379/0"
{{- end }}
{{- with $values.postgresql }}
{{- if and .enabled .auth.enablePostgresUser (not (or .auth.postgresPassword .auth.existingSecret)) }}
- values: {postgresql: {auth: {existingSecret: airflow-database-admin}}}
  create: airflow-database-admin --from-literal=postgres-password="$(openssl rand -hex 32)"
{{- end }}
{{- end }}
{{- end -}}
