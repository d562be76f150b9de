{{/*
The names of Secrets that values name, one a line: those of keys such as fernetKeySecretName, existingSecret and
credentialsSecret, of references in the forms that Kubernetes has, and of pull Secrets. Texts of YAML, such as
airflow.extraEnv, are read as well. Takes a part of the values, and the scope of the official chart, which evaluates
names as templates.
*/}}
{{- define "airflow-platform.secrets.references" -}}
{{- $scope := index . 1 -}}
{{- range $key, $value := index . 0 }}
{{- if kindIs "map" $value }}
{{- if has $key (list "secretKeyRef" "secretRef" "secret") }}
{{ include "airflow-platform.secrets.name" (list $value.name $scope) }}
{{- end }}
{{ include "airflow-platform.secrets.references" (list $value $scope) }}
{{- else if kindIs "slice" $value }}
{{- range $item := $value }}
{{- if kindIs "map" $item }}
{{- if eq (toString $key) "imagePullSecrets" }}
{{ include "airflow-platform.secrets.name" (list $item.name $scope) }}
{{- end }}
{{ include "airflow-platform.secrets.references" (list $item $scope) }}
{{- else if eq (toString $key) "imagePullSecrets" }}
{{ include "airflow-platform.secrets.name" (list $item $scope) }}
{{- end }}
{{- end }}
{{- else if and $value (kindIs "string" $value) (has $key (list "extraEnv" "extraEnvFrom")) }}
{{ include "airflow-platform.secrets.references" (list (dict "items" (tpl $value $scope | fromYamlArray)) $scope) }}
{{- else if regexMatch "^(.*S|s)ecretName$|^existingSecret$|^certificatesSecret$|^credentialsSecret$|^sshKeySecret$" (toString $key) }}
{{ include "airflow-platform.secrets.name" (list $value $scope) }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "airflow-platform.secrets.name" -}}
{{- $name := index . 0 | default "" | toString -}}
{{- if contains "{{" $name }}{{ tpl $name (index . 1) }}{{ else }}{{ $name }}{{ end -}}
{{- end -}}

{{/*
The names of Secrets that this release renders, one a line. Of those that the official chart makes, this table has the
end of the name, the key of the values that names another Secret instead, and the key without which there is none. The
Secrets that it makes as hooks are left out, for Helm does not delete those.
*/}}
{{- define "airflow-platform.secrets.ofOfficialChart" -}}
api-secret-key: {instead: apiSecretKeySecretName}
elasticsearch: {instead: elasticsearch.secretName, needs: elasticsearch.enabled}
flower: {instead: flower.secretName, needs: flower.password}
jwt-secret: {instead: jwtSecretName}
kerberos-keytab: {needs: kerberos.keytabBase64Content}
metadata: {instead: data.metadataSecretName}
opensearch: {instead: opensearch.secretName, needs: opensearch.enabled}
pgbouncer-certificates: {needs: pgbouncer.ssl.cert}
pgbouncer-config: {instead: pgbouncer.configSecretName, needs: pgbouncer.enabled}
pgbouncer-stats: {instead: pgbouncer.metricsExporterSidecar.statsSecretName, needs: pgbouncer.enabled}
postgresql: {instead: postgresql.auth.existingSecret, needs: postgresql.enabled}
registry: {instead: registry.secretName, needs: registry.connection}
result-backend: {instead: data.resultBackendSecretName}
ssh-secret: {needs: dags.gitSync.sshKey}
webserver-secret-key: {instead: webserverSecretKeySecretName}
{{- end -}}

{{- define "airflow-platform.secrets.rendered" -}}
{{- $scope := .Subcharts.airflow -}}
{{- range $end, $keys := include "airflow-platform.secrets.ofOfficialChart" . | fromYaml }}
{{- $instead := include "airflow-platform.secrets.value" (list $scope.Values ($keys.instead | default "-")) }}
{{- if and (not $instead) (or (not $keys.needs) (include "airflow-platform.secrets.value" (list $scope.Values $keys.needs))) }}
{{ include "airflow.fullname" $scope }}-{{ $end }}
{{- end }}
{{- end }}
{{- range $name, $_ := .Values.airflow.extraSecrets }}
{{ tpl $name $scope }}
{{- end }}
{{- $extra := print (trimSuffix "templates" .Template.BasePath) "charts/observability/templates/extra-objects.yaml" }}
{{- range regexSplit "(?m)^---" (include $extra .Subcharts.observability) -1 }}
{{- $object := fromYaml . }}
{{- if eq ($object.kind | default "") "Secret" }}
{{ $object.metadata.name }}
{{- end }}
{{- end }}
{{- end -}}

{{/* The value at a path such as data.metadataSecretName; nothing where it is empty. */}}
{{- define "airflow-platform.secrets.value" -}}
{{- $found := index . 0 -}}
{{- range splitList "." (index . 1) -}}
{{- $found = kindIs "map" $found | ternary (get ($found | default dict) .) "" -}}
{{- end -}}
{{- with $found -}}{{ toString . }}{{- end -}}
{{- end -}}
