{{/*
What secrets.externalSecrets makes of the values. The scope of these templates is this chart.
*/}}

{{/*
The Secrets that this chart knows, as YAML: for each entry
  secretName  the Secret that a value of the charts names; empty where the release reads none
  data        its keys, and the property of the store's item that each one has
  template    keys that are made of others, in the language of External Secrets
  type        the type of the Secret
  labels      its labels
  itemOf      the entry whose item in the store has the properties; without it the entry has an item of its own
*/}}
{{- define "airflow-platform.secrets.known" -}}
{{- $entries := include "airflow-platform.secrets.ofLoki" . | fromYaml -}}
{{- if .Values.airflow.enabled -}}
{{- $entries = merge $entries (include "airflow-platform.secrets.ofDatabase" . | fromYaml) (include "airflow-platform.secrets.ofCelery" . | fromYaml) (include "airflow-platform.secrets.ofAirflow" . | fromYaml) (include "airflow-platform.secrets.ofSettings" . | fromYaml) -}}
{{- end -}}
{{- range $name, $entry := $entries -}}
{{- $secret := include "airflow-platform.secrets.name" (list $entry.secretName $.Subcharts.airflow) -}}
{{- $_ := set $entry "secretName" $secret -}}
{{- end -}}
{{- toYaml $entries -}}
{{- end -}}

{{- define "airflow-platform.secrets.ofLoki" -}}
{{- $loki := .Values.global.taskLogs.enabled | ternary .Values.global.taskLogs.loki (dict "auth" dict "tls" dict) -}}
{{- $isBearer := eq ($loki.auth.strategy | default "basic") "bearer" }}
loki:
  secretName: {{ $loki.auth.secretName | quote }}
  data:
    {{- if $isBearer }}
    {{ $loki.auth.tokenKey | default "token" | quote }}: token
    {{- else }}
    {{ $loki.auth.usernameKey | default "username" | quote }}: username
    {{ $loki.auth.passwordKey | default "password" | quote }}: password
    {{- end }}
lokiCa:
  secretName: {{ $loki.tls.caSecretName | quote }}
  data: { {{ $loki.tls.caKey | default "ca.crt" | quote }}: ca.crt }
lokiClient:
  secretName: {{ $loki.tls.clientSecretName | quote }}
  data: {tls.crt: tls.crt, tls.key: tls.key}
  type: kubernetes.io/tls
{{- end -}}

{{/* The keys of Airflow, the first administrator and the credentials of git-sync. */}}
{{- define "airflow-platform.secrets.ofAirflow" -}}
{{- $values := .Values.airflow -}}
{{- $isThree := semverCompare ">=3.0.0-0" $values.airflowVersion -}}
{{- $hasApiServer := and $isThree $values.apiServer.enabled -}}
{{- $gitSync := $values.dags.gitSync.enabled | ternary $values.dags.gitSync dict }}
fernet:
  secretName: {{ $values.fernetKeySecretName | quote }}
  data: {fernet-key: fernet-key}
api:
  secretName: {{ ternary $values.apiSecretKeySecretName "" $hasApiServer | quote }}
  data: {api-secret-key: api-secret-key}
jwt:
  secretName: {{ ternary $values.jwtSecretName "" $hasApiServer | quote }}
  data: {jwt-secret: jwt-secret}
webserver:
  secretName: {{ ternary "" $values.webserverSecretKeySecretName $isThree | quote }}
  data: {webserver-secret-key: webserver-secret-key}
{{- $admin := dict "name" "" "key" "password" }}
{{- $variable := regexFind "^[$][(].+[)]$" ($values.createUserJob.defaultUser.password | toString) | trimPrefix "$(" | trimSuffix ")" }}
{{- range $values.createUserJob.env }}
{{- if and $.Values.createUserJob.enabled (eq .name $variable) }}
{{- $admin = dig "valueFrom" "secretKeyRef" $admin . }}
{{- end }}
{{- end }}
admin:
  secretName: {{ $admin.name | quote }}
  data: { {{ $admin.key | quote }}: password }
git:
  secretName: {{ $gitSync.credentialsSecret | quote }}
  # git-sync 4 reads the first two, git-sync 3 the others.
  data: {GITSYNC_USERNAME: username, GITSYNC_PASSWORD: password, GIT_SYNC_USERNAME: username, GIT_SYNC_PASSWORD: password}
gitSsh:
  secretName: {{ $gitSync.sshKeySecret | quote }}
  data: {gitSshKey: gitSshKey}
{{- end -}}

{{/* Those of values of this chart: the login, remote logging, and Airflow's connections and variables. */}}
{{- define "airflow-platform.secrets.ofSettings" -}}
{{- $known := dict -}}
{{- range $name, $secret := dict "oidc" "oidc.clientSecret.name" "remoteLogging" "remoteLogging.connection.secretName" -}}
{{- if eq (include "airflow-platform.secrets.value" (list $.Values (printf "%s.enabled" $name))) "true" -}}
{{- $path := eq $name "oidc" | ternary "oidc.clientSecret.key" "remoteLogging.connection.secretKey" -}}
{{- $key := include "airflow-platform.secrets.value" (list $.Values $path) -}}
{{- $property := eq $name "oidc" | ternary "client-secret" "connection" -}}
{{- $_ := set $known $name (dict "secretName" (include "airflow-platform.secrets.value" (list $.Values $secret)) "data" (dict $key $property)) -}}
{{- end -}}
{{- end -}}
{{- range $kind, $all := dict "connection" .Values.connections "variable" .Values.variables -}}
{{- range $name, $one := $all -}}
{{- with $one.secret -}}
{{- $_ := set $known (printf "%s-%s" $kind $name) (dict "secretName" .name "data" (dict .key .key)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toYaml $known -}}
{{- end -}}

{{/*
The password of a connection's user is in one item of the store, and the connection is made of it, for a password with
signs such as @ or / must be encoded in a URL. Where nobody knows the host, the item has the connection.
*/}}
{{- define "airflow-platform.secrets.ofDatabase" -}}
{{- $values := .Values.airflow -}}
{{- $endpoint := include "airflow-platform.database.endpoint" . | fromYaml -}}
{{- $auth := include "airflow-platform.database.officialAuth" . | fromYaml -}}
{{- $keys := $auth.secretKeys | default dict -}}
{{- $admin := $keys.adminPasswordKey | default "postgres-password" -}}
{{- $hasOwnUser := has ($auth.username | default "postgres") (list "postgres") | not -}}
{{- $kedaPassesPool := false }}
{{- range include "airflow-platform.celery.workers" $values.workers | fromYamlArray }}
{{- $kedaPassesPool = or $kedaPassesPool (and .keda.enabled (not .keda.usePgbouncer)) }}
{{- end }}
{{- $backend := ternary $values.data.resultBackendSecretName "" (contains "Celery" $values.executor) }}
{{- range $name, $scheme := dict "database" "postgresql" "resultBackend" "db+postgresql" }}
{{ $name }}:
  secretName: {{ eq $name "database" | ternary $values.data.metadataSecretName $backend | quote }}
  itemOf: database
  {{- if $endpoint.host }}
  data: {password: password}
  template:
    username: {{ $endpoint.user | quote }}
    connection: {{ include "airflow-platform.secrets.connection" (dict "scheme" $scheme "endpoint" $endpoint) | quote }}
    {{- if and (eq $name "database") (eq $endpoint.pooler "official") $kedaPassesPool }}
    kedaConnection: {{ include "airflow-platform.secrets.connection" (dict "scheme" $scheme "endpoint" (merge (deepCopy $endpoint.direct) $endpoint)) | quote }}
    {{- end }}
    {{- if and (eq $name "database") (eq $endpoint.pooler "cloudNativePG") }}
    directConnection: {{ include "airflow-platform.secrets.connection" (dict "scheme" $scheme "endpoint" (merge (deepCopy $endpoint.direct) $endpoint)) | quote }}
    {{- end }}
  {{- if eq $endpoint.source "cloudNativePG" }}
  type: kubernetes.io/basic-auth
  {{- /* CloudNativePG takes over a password that changes at once. */}}
  labels: {cnpg.io/reload: "true"}
  {{- end }}
  {{- else }}
  data: {connection: {{ eq $name "database" | ternary "connection" "result-backend-connection" }}}
  {{- end }}
{{- end }}
databaseAdmin:
  secretName: {{ ternary $auth.existingSecret "" $values.postgresql.enabled | quote }}
  itemOf: database
  data:
    {{- if $hasOwnUser }}
    {{ $admin | quote }}: postgres-password
    {{ $keys.userPasswordKey | default "password" | quote }}: password
    {{- else }}
    {{ $admin | quote }}: password
    {{- end }}
    {{- if eq ($values.postgresql.architecture | default "standalone") "replication" }}
    {{ $keys.replicationPasswordKey | default "replication-password" | quote }}: replication-password
    {{- end }}
{{- end -}}

{{- define "airflow-platform.secrets.ofCelery" -}}
{{- $values := .Values.airflow -}}
{{- $isCelery := contains "Celery" $values.executor -}}
{{- $hasRedis := and $isCelery $values.redis.enabled }}
redis:
  secretName: {{ ternary $values.redis.passwordSecretName "" $hasRedis | quote }}
  data: {password: password}
broker:
  secretName: {{ ternary $values.data.brokerUrlSecretName "" $isCelery | quote }}
  {{- if $hasRedis }}
  itemOf: redis
  data: {password: password}
  template:
    connection: {{ printf "redis://:%s@%s-redis:%v/0" (include "airflow-platform.secrets.encodedPassword" .) (include "airflow.fullname" .Subcharts.airflow) (dig "ports" "redisDB" 6379 $values) | quote }}
  {{- else }}
  data: {connection: connection}
  {{- end }}
{{- end -}}

{{/* External Secrets has Go's urlquery, which makes a plus sign of a space, and Airflow takes it for a plus sign. */}}
{{- define "airflow-platform.secrets.encodedPassword" -}}
{{ `{{ .password | urlquery | replace "+" "%20" }}` }}
{{- end -}}

{{- define "airflow-platform.secrets.connection" -}}
{{- $endpoint := .endpoint -}}
{{- printf "%s://%s:%s@%s:%v/%s" .scheme $endpoint.user (include "airflow-platform.secrets.encodedPassword" .) $endpoint.host $endpoint.port $endpoint.name -}}
{{- with $endpoint.sslmode -}}?sslmode={{ . }}{{- end -}}
{{- end -}}

{{/*
The Secrets that External Secrets is to make, as a list in YAML: those of the known entries that the release reads, and
those of the user's own entries. Entries that name one Secret are one here.
  name, type, template   as above
  data                   list of secretKey, key and property
*/}}
{{- define "airflow-platform.secrets.external" -}}
{{- $settings := .Values.secrets.externalSecrets -}}
{{- $known := include "airflow-platform.secrets.known" . | fromYaml -}}
{{- $secrets := dict -}}
{{- range $name := concat (keys $known) (keys $settings.entries) | uniq | sortAlpha -}}
{{- $entry := include "airflow-platform.secrets.entry" (dict "context" $ "name" $name "known" $known) | fromYaml -}}
{{- if and $entry.secretName (dig "enabled" true $entry) -}}
{{- $secret := get $secrets $entry.secretName | default (dict "name" $entry.secretName "data" dict "template" dict "type" "") -}}
{{- $_ := set $secrets $entry.secretName $secret -}}
{{- with $entry.type -}}{{- $_ := set $secret "type" . -}}{{- end -}}
{{- with $entry.labels -}}{{- $_ := set $secret "labels" . -}}{{- end -}}
{{- range $key, $text := $entry.template -}}
{{- $_ := set $secret.template $key $text -}}
{{- end -}}
{{- range $key, $source := $entry.data -}}
{{- $isProperty := kindIs "string" $source -}}
{{- $property := $isProperty | ternary $source (dig "property" "" ($isProperty | ternary dict $source)) -}}
{{- $item := $isProperty | ternary "" (dig "remoteKey" "" ($isProperty | ternary dict $source)) | default $entry.remoteKey -}}
{{- $remote := tpl $item (merge (dict "secretName" $entry.itemSecretName) $) -}}
{{- $_ := set $secret.data $key (dict "secretKey" $key "key" $remote "property" $property) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $list := list -}}
{{- range $name := keys $secrets | sortAlpha -}}
{{- $secret := get $secrets $name -}}
{{- $data := list -}}
{{- range $key := keys $secret.data | sortAlpha -}}{{- $data = append $data (get $secret.data $key) -}}{{- end -}}
{{- $list = append $list (merge (dict "data" $data) $secret) -}}
{{- end -}}
{{- toYaml $list -}}
{{- end -}}

{{/*
One entry: what is known of it, and over it what the user says. Who says what the keys are says all of them.
Input: dict "context" $ "name" <name of the entry> "known" <airflow-platform.secrets.known>
*/}}
{{- define "airflow-platform.secrets.entry" -}}
{{- $settings := .context.Values.secrets.externalSecrets -}}
{{- $known := get .known .name | default dict -}}
{{- $own := get $settings.entries .name | default dict -}}
{{- $saysKeys := or (hasKey $own "data") (hasKey $own "template") -}}
{{- $entry := merge (dict) $own ($saysKeys | ternary (omit $known "data" "template") $known) -}}
{{- $_ := set $entry "secretName" ($known.secretName | default $own.secretName) -}}
{{- $itemOf := $known.itemOf | default .name -}}
{{- $owner := get $settings.entries $itemOf | default dict -}}
{{- $_ := set $entry "remoteKey" ($own.remoteKey | default $owner.remoteKey | default $settings.remoteKey) -}}
{{- $_ := set $entry "itemSecretName" (dig $itemOf "secretName" "" .known | default $entry.secretName) -}}
{{- toYaml $entry -}}
{{- end -}}
