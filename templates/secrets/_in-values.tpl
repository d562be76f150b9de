{{/*
The values of the official chart that hold a key or a password, with the values that take it from a Secret instead.
  default  what the official chart has there; it counts where nothing takes its place:
  unless   a value that takes its place when it is set
  while    a value without which it is not used
  url      it is a secret only as part of a URL, user:password@; `keep` leaves the rest of the URL
*/}}
{{- define "airflow-platform.secrets.placesInValues" -}}
airflow.fernetKey: {instead: {fernetKeySecretName: airflow-fernet}}
airflow.apiSecretKey: {instead: {apiSecretKeySecretName: airflow-api}}
airflow.jwtSecret: {instead: {jwtSecretName: airflow-jwt}}
airflow.webserverSecretKey: {instead: {webserverSecretKeySecretName: airflow-webserver}}
airflow.createUserJob.defaultUser.password:
  default: admin
  while: createUserJob.enabled
  instead:
    createUserJob:
      defaultUser: {password: $(AIRFLOW_ADMIN_PASSWORD)}
      env:
        - name: AIRFLOW_ADMIN_PASSWORD
          valueFrom: {secretKeyRef: {name: airflow-admin, key: password}}
airflow.data.metadataConnection.pass:
  default: postgres
  unless: airflow.data.metadataSecretName
  instead: {data: {metadataSecretName: airflow-database}}
airflow.data.resultBackendConnection.pass: {instead: {data: {resultBackendSecretName: airflow-result-backend}}}
airflow.data.brokerUrl: {url: true, instead: {data: {brokerUrlSecretName: airflow-broker}}}
airflow.redis.password: {instead: {redis: {passwordSecretName: airflow-redis}}}
airflow.postgresql.auth.postgresPassword:
  default: postgres
  unless: airflow.postgresql.auth.existingSecret
  while: airflow.postgresql.enabled
  instead: {postgresql: {auth: {existingSecret: airflow-database-admin}}}
airflow.postgresql.auth.password: {instead: {postgresql: {auth: {existingSecret: airflow-database-admin}}}}
airflow.postgresql.auth.replicationPassword: {instead: {postgresql: {auth: {existingSecret: airflow-database-admin}}}}
global.postgresql.auth.postgresPassword: {instead: {postgresql: {auth: {existingSecret: airflow-database-admin}}}}
global.postgresql.auth.password: {instead: {postgresql: {auth: {existingSecret: airflow-database-admin}}}}
airflow.dags.gitSync.sshKey: {instead: {dags: {gitSync: {sshKeySecret: airflow-git-ssh}}}}
airflow.dags.gitSync.repo: {url: true, keep: true, instead: {dags: {gitSync: {credentialsSecret: airflow-git-credentials}}}}
airflow.flower.password: {instead: {flower: {secretName: airflow-flower-login}}}
airflow.registry.connection.pass: {instead: {registry: {secretName: airflow-pull}}}
airflow.elasticsearch.connection.pass: {instead: {elasticsearch: {secretName: airflow-elasticsearch-url, connection: null}}}
airflow.opensearch.connection.pass: {instead: {opensearch: {secretName: airflow-opensearch-url, connection: null}}}
airflow.kerberos.keytabBase64Content: {instead: {}}
airflow.pgbouncer.ssl.key: {instead: {}}
{{- end -}}

{{/*
Those of them that are set, as YAML: the keys of the values, and `instead`, the values to set. Extra Secrets are among
them, whatever they hold.
*/}}
{{- define "airflow-platform.secrets.inValues" -}}
{{- $found := list -}}
{{- $instead := dict -}}
{{- /* Git servers take tokens without a name in front as well, which begin in ways of their own. */ -}}
{{- $withPassword := "://([^/@\\s]*:[^/@\\s]+|(gh[a-z]_|github_pat_|glpat-)[^/@\\s]*)@" -}}
{{- range $path, $place := include "airflow-platform.secrets.placesInValues" . | fromYaml -}}
{{- $value := include "airflow-platform.secrets.value" (list $.Values $path) -}}
{{- $isSecret := and $value (not (hasPrefix "$(" $value)) -}}
{{- if and $isSecret $place.url -}}
{{- $isSecret = regexMatch $withPassword $value -}}
{{- else if and $isSecret (eq $value ($place.default | default "")) -}}
{{- $isReplaced := and $place.unless (include "airflow-platform.secrets.value" (list $.Values $place.unless)) -}}
{{- $isUnused := and $place.while (ne (include "airflow-platform.secrets.value" (list $.Values $place.while)) "true") -}}
{{- $isSecret = not (or $isReplaced $isUnused) -}}
{{- end -}}
{{- if $isSecret -}}
{{- $found = append $found $path -}}
{{- $unset := kindIs "bool" $place.keep | ternary (regexReplaceAll $withPassword $value "://") "" -}}
{{- range splitList "." $path | reverse -}}{{- $unset = dict . $unset -}}{{- end -}}
{{- $instead = mergeOverwrite $instead $unset (dict "airflow" $place.instead) -}}
{{- end -}}
{{- end -}}
{{- range $name, $secret := .Values.airflow.extraSecrets -}}
{{- if or $secret.data $secret.stringData -}}
{{- $found = append $found (printf "airflow.extraSecrets.%s" $name) -}}
{{- $empty := dict -}}
{{- range $key := list "data" "stringData" -}}
{{- if get $secret $key -}}{{- $_ := set $empty $key "" -}}{{- end -}}
{{- end -}}
{{- $instead = mergeOverwrite $instead (dict "airflow" (dict "extraSecrets" (dict $name $empty))) -}}
{{- end -}}
{{- end -}}
{{- dict "found" $found "instead" $instead | toYaml -}}
{{- end -}}
