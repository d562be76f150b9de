{{/*
The Secrets and claims that values name, one a line, such as `Secret airflow-fernet`: those of keys such as
fernetKeySecretName, existingSecret and credentialsSecret, of existingClaim and claimName, of references in the forms
that Kubernetes has, and of pull Secrets. Texts of YAML, such as airflow.extraEnv, are read as well. Takes a part of the
values, and the scope of the official chart, which evaluates names as templates.
*/}}
{{- define "airflow-platform.secrets.references" -}}
{{- $scope := index . 1 -}}
{{- range $key, $value := index . 0 }}
{{- if kindIs "map" $value }}
{{- /* Besides the keys, everything with a name and a key is a reference to a key of a Secret or a ConfigMap. */}}
{{- $isReference := or (regexMatch "^secret(KeyRef)?$|^secretRef$|SecretRef$" (toString $key)) (and (hasKey $value "name") (hasKey $value "key")) }}
{{- if and $isReference (not (hasPrefix "configMap" (toString $key))) }}
Secret {{ include "airflow-platform.secrets.name" (list $value.name $scope) }}
{{- end }}
{{ include "airflow-platform.secrets.references" (list $value $scope) }}
{{- else if kindIs "slice" $value }}
{{- range $item := $value }}
{{- if kindIs "map" $item }}
{{- if eq (toString $key) "imagePullSecrets" }}
Secret {{ include "airflow-platform.secrets.name" (list $item.name $scope) }}
{{- end }}
{{ include "airflow-platform.secrets.references" (list $item $scope) }}
{{- else if eq (toString $key) "imagePullSecrets" }}
Secret {{ include "airflow-platform.secrets.name" (list $item $scope) }}
{{- end }}
{{- end }}
{{- else if and $value (kindIs "string" $value) (has $key (list "extraEnv" "extraEnvFrom" "envFrom")) }}
{{ include "airflow-platform.secrets.references" (list (dict "items" (tpl $value $scope | fromYamlArray)) $scope) }}
{{- else if regexMatch "^(.*S|s)ecretName$|^(existing|certificates|credentials|sshKey|scripts|extraEnvVars)Secret$" (toString $key) }}
Secret {{ include "airflow-platform.secrets.name" (list $value $scope) }}
{{- else if has $key (list "existingClaim" "claimName") }}
PersistentVolumeClaim {{ include "airflow-platform.secrets.name" (list $value $scope) }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "airflow-platform.secrets.name" -}}
{{- $name := index . 0 | default "" | toString -}}
{{- if contains "{{" $name }}{{ tpl $name (index . 1) }}{{ else }}{{ $name }}{{ end -}}
{{- end -}}

{{/*
Of the Secrets and claims that the official chart makes, this table has the end of the name, and when it makes them:
`unless` are keys of the values of which none may be set, `needs` those that must all be set, `any` those of which one
must be; `airflow` is a range of versions, and `executor` a part of the executor's name. What it makes as a hook is
left out, for Helm does not delete that.
*/}}
{{- define "airflow-platform.secrets.ofOfficialChart" -}}
Secret:
  api-secret-key: {unless: [apiSecretKeySecretName], needs: [apiServer.enabled], airflow: ">=3.0.0"}
  elasticsearch: {unless: [elasticsearch.secretName], needs: [elasticsearch.enabled]}
  flower: {unless: [flower.secretName], needs: [flower.username, flower.password]}
  jwt-secret: {unless: [jwtSecretName], needs: [apiServer.enabled], airflow: ">=3.0.0"}
  kerberos-keytab: {needs: [kerberos.keytabBase64Content]}
  metadata: {unless: [data.metadataSecretName]}
  opensearch: {unless: [opensearch.secretName], needs: [opensearch.enabled]}
  pgbouncer-certificates: {any: [pgbouncer.ssl.ca, pgbouncer.ssl.cert, pgbouncer.ssl.key]}
  pgbouncer-config: {unless: [pgbouncer.configSecretName], needs: [pgbouncer.enabled]}
  pgbouncer-stats: {unless: [pgbouncer.metricsExporterSidecar.statsSecretName], needs: [pgbouncer.enabled]}
  postgresql: {unless: [postgresql.auth.existingSecret, global.postgresql.auth.existingSecret], needs: [postgresql.enabled]}
  registry: {unless: [registry.secretName, imagePullSecrets], needs: [registry.connection]}
  result-backend: {unless: [data.resultBackendSecretName], needs: [data.resultBackendConnection], executor: Celery}
  ssh-secret: {needs: [dags.gitSync.enabled, dags.gitSync.sshKey]}
  webserver-secret-key: {unless: [webserverSecretKeySecretName], airflow: "<3.0.0"}
PersistentVolumeClaim:
  dags: {unless: [dags.persistence.existingClaim], needs: [dags.persistence.enabled]}
  logs: {unless: [logs.persistence.existingClaim], needs: [logs.persistence.enabled]}
{{- end -}}

{{/* The Secrets and claims that this release renders, one a line, in the form of airflow-platform.secrets.references. */}}
{{- define "airflow-platform.secrets.rendered" -}}
{{- $scope := .Subcharts.airflow -}}
{{- $values := $scope.Values -}}
{{- range $kind, $ends := include "airflow-platform.secrets.ofOfficialChart" . | fromYaml }}
{{- range $end, $when := $ends }}
{{- $isMade := and (semverCompare ($when.airflow | default "*") $values.airflowVersion) (contains ($when.executor | default "") $values.executor) }}
{{- range $when.unless }}{{ if include "airflow-platform.secrets.value" (list $values .) }}{{ $isMade = false }}{{ end }}{{ end }}
{{- range $when.needs }}{{ if not (include "airflow-platform.secrets.value" (list $values .)) }}{{ $isMade = false }}{{ end }}{{ end }}
{{- $found := list }}
{{- range $when.any }}{{ $found = append $found (include "airflow-platform.secrets.value" (list $values .)) }}{{ end }}
{{- if and $isMade (or (not $found) (compact $found)) }}
{{ $kind }} {{ include "airflow.fullname" $scope }}-{{ $end }}
{{- end }}
{{- end }}
{{- end }}
{{- range $name, $_ := .Values.airflow.extraSecrets }}
Secret {{ tpl $name $scope }}
{{- end }}
{{- range include "airflow-platform.secrets.extraObjects" . | fromYamlArray }}
{{- if has .kind (list "Secret" "PersistentVolumeClaim") }}
{{ .kind }} {{ .metadata.name }}
{{- end }}
{{- end }}
{{- end -}}

{{/* The objects of observability.extraObjects, evaluated, as a list in YAML. */}}
{{- define "airflow-platform.secrets.extraObjects" -}}
{{- $file := print (trimSuffix "templates" .Template.BasePath) "charts/observability/templates/extra-objects.yaml" -}}
{{- $objects := list -}}
{{- range regexSplit "(?m)^---" (include $file .Subcharts.observability) -1 -}}
{{- $object := fromYaml . -}}
{{- if and $object.kind $object.metadata -}}{{- $objects = append $objects $object -}}{{- end -}}
{{- end -}}
{{- toYaml $objects -}}
{{- end -}}

{{/* The value at a path such as data.metadataSecretName; nothing where it is empty. */}}
{{- define "airflow-platform.secrets.value" -}}
{{- $found := index . 0 -}}
{{- range splitList "." (index . 1) -}}
{{- $found = kindIs "map" $found | ternary (get ($found | default dict) .) "" -}}
{{- end -}}
{{- with $found -}}{{ toString . }}{{- end -}}
{{- end -}}
