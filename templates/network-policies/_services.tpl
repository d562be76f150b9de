{{/*
What the components connect to, as YAML: <service>:
  server  the component of the release that serves it, or
  to      peers of a NetworkPolicy; an empty list: any address
  ports   [{port: ..., protocol: ...}]

A NetworkPolicy sees the address and the port of the pod behind a Service. The scope of these templates is this chart.
*/}}
{{- define "airflow-platform.networkPolicies.services" -}}
{{- $airflow := .Values.airflow -}}
{{- $settings := .Values.networkPolicies -}}
{{- $endpoint := include "airflow-platform.database.endpoint" . | fromYaml -}}
{{- $services := dict -}}
{{- range $name, $key := dict "kubernetes-api" "kubernetesApi" "remote-logging" "remoteLogging" "secrets-backend" "secretsBackend" "identity-provider" "identityProvider" -}}
{{- $place := get $settings $key -}}
{{- $_ := set $services $name (dict "to" $place.to "ports" (include "airflow-platform.networkPolicies.ports" $place.ports | fromYamlArray)) -}}
{{- end -}}
{{- $login := printf "%s %s" (($airflow.apiServer).apiServerConfig | default "") (($airflow.webserver).webserverConfig | default "") -}}
{{- $logins := $settings.identityProvider.ports -}}
{{- if contains "AUTH_LDAP" $login -}}{{- $logins = concat $logins (list 389 636) -}}{{- end -}}
{{- if dig "enabled" false (.Values.oidc | default dict) -}}
{{- with (include "airflow-platform.access.metadataUrl" . | urlParse).host | regexFind ":[0-9]+$" | trimPrefix ":" -}}
{{- $logins = append $logins (int .) -}}
{{- end -}}
{{- end -}}
{{- $_ := set (get $services "identity-provider") "ports" (include "airflow-platform.networkPolicies.ports" (uniq $logins) | fromYamlArray) -}}
{{- range $store := list $airflow.elasticsearch $airflow.opensearch -}}
{{- if ($store | default dict).enabled -}}
{{- $_ := set (get $services "remote-logging") "ports" (include "airflow-platform.networkPolicies.ports" (list (dig "connection" "port" 9200 $store | default 9200)) | fromYamlArray) -}}
{{- end -}}
{{- end -}}

{{- $dns := list -}}
{{- range $settings.dns.ports -}}
{{- $dns = concat $dns (list (dict "port" (int .) "protocol" "UDP") (dict "port" (int .) "protocol" "TCP")) -}}
{{- end -}}
{{- $_ := set $services "dns" (dict "to" $settings.dns.to "ports" $dns) -}}

{{- $database := dict "server" "postgresql" "ports" (include "airflow-platform.networkPolicies.ports" (list $endpoint.direct.port) | fromYamlArray) -}}
{{- if ne $endpoint.source "official" -}}
{{- $_ := unset $database "server" -}}
{{- $_ := set $database "to" ($settings.database.to | default (include "airflow-platform.networkPolicies.peersOfHost" (dict "context" . "host" $endpoint.direct.host) | fromYamlArray)) -}}
{{- end -}}
{{- /* Where only the Secret knows the host, it may name any port. */ -}}
{{- if and (eq $endpoint.source "external") (not $endpoint.direct.host) (eq (int $endpoint.direct.port) 5432) -}}
{{- $_ := set $database "ports" (include "airflow-platform.networkPolicies.ports" list | fromYamlArray) -}}
{{- end -}}
{{- if eq $endpoint.pooler "official" -}}
{{- $_ := set $services "database-past-pgbouncer" $database -}}
{{- $database = dict "server" "pgbouncer" "ports" (include "airflow-platform.networkPolicies.ports" (list $airflow.ports.pgbouncer) | fromYamlArray) -}}
{{- end -}}
{{- $_ := set $services "database" $database -}}

{{- $broker := dict "server" "redis" "ports" (include "airflow-platform.networkPolicies.ports" (list $airflow.ports.redisDB) | fromYamlArray) -}}
{{- if not $airflow.redis.enabled -}}
{{- $broker = dict "to" $settings.broker.to "ports" (include "airflow-platform.networkPolicies.ports" $settings.broker.ports | fromYamlArray) -}}
{{- end -}}
{{- $_ := set $services "broker" $broker -}}

{{- range $name, $server := dict "worker-logs" "worker" "scheduler-logs" "scheduler" "triggerer-logs" "triggerer" "execution-api" "api-server" -}}
{{- $port := get (dict "triggerer-logs" $airflow.ports.triggererLogs "execution-api" $airflow.ports.apiServer) $name | default $airflow.ports.workerLogs -}}
{{- $_ := set $services $name (dict "server" $server "ports" (include "airflow-platform.networkPolicies.ports" (list $port) | fromYamlArray)) -}}
{{- end -}}
{{- $statsd := dict "server" "statsd-exporter" "ports" (list (dict "port" (include "observability.statsdExporter.ingestPort" . | int) "protocol" "UDP")) -}}
{{- if not .Values.global.metrics.enabled -}}
{{- $statsd = dict "server" "statsd" "ports" (list (dict "port" (int $airflow.ports.statsdIngest) "protocol" "UDP")) -}}
{{- end -}}
{{- $_ := set $services "statsd" $statsd -}}

{{- $repository := toString $airflow.dags.gitSync.repo -}}
{{- $port := regexFind ":[0-9]+(/|$)" $repository | regexFind "[0-9]+" -}}
{{- $scheme := regexFind "^[a-z]+://" $repository -}}
{{- $git := $port | default (get (dict "https://" 443 "http://" 80) $scheme | default 22) -}}
{{- $_ := set $services "git" (dict "to" $settings.git.to "ports" (include "airflow-platform.networkPolicies.ports" ($settings.git.ports | default (list $git)) | fromYamlArray)) -}}

{{- $loki := urlParse (.Values.global.taskLogs.loki.endpoint | default "" | toString) -}}
{{- $host := regexReplaceAll ":[0-9]+$" $loki.host "" -}}
{{- $peers := include "airflow-platform.networkPolicies.peersOfHost" (dict "context" . "host" $host) | fromYamlArray -}}
{{- $ports := list -}}
{{- /* Behind a Service in the cluster the port is another one, which its chart chooses. Its short name, such as
loki-gateway.monitoring, has one dot. */ -}}
{{- if not (or (hasKey (first (concat $peers (list dict))) "namespaceSelector") (regexMatch "^[a-z0-9-]+[.][a-z0-9-]+$" $host)) -}}
{{- $ports = list (regexFind "[0-9]+$" (regexFind ":[0-9]+$" $loki.host) | default (eq $loki.scheme "http" | ternary "80" "443")) -}}
{{- end -}}
{{- $_ := set $services "loki" (dict "to" ($settings.loki.to | default $peers) "ports" (include "airflow-platform.networkPolicies.ports" ($settings.loki.ports | default $ports) | fromYamlArray)) -}}
{{- toYaml $services -}}
{{- end -}}

{{/* Ports of a rule. Input: a list of numbers; an empty one: all TCP ports. */}}
{{- define "airflow-platform.networkPolicies.ports" -}}
{{- $ports := list -}}
{{- range . -}}
{{- $ports = append $ports (dict "port" (int .) "protocol" "TCP") -}}
{{- end -}}
{{- $ports | default (list (dict "protocol" "TCP")) | toYaml -}}
{{- end -}}

{{/*
The peers behind a host, as a YAML list: the pods of its namespace for a Service in the cluster, its address for an
IPv4 address, and nothing, which is any address, for another name. Input: dict "context" $ "host" "..."
*/}}
{{- define "airflow-platform.networkPolicies.peersOfHost" -}}
{{- $host := .host | default "" -}}
{{- $namespace := "" -}}
{{- if regexMatch "^[^.]+[.][^.]+[.]svc([.].*)?$" $host -}}
{{- $namespace = index (splitList "." $host) 1 -}}
{{- else if regexMatch "^[a-z0-9-]+$" (trimSuffix (printf ".%s" .context.Release.Namespace) $host) -}}
{{- $namespace = .context.Release.Namespace -}}
{{- end -}}
{{- if $namespace -}}
{{- dict "namespaceSelector" (dict "matchLabels" (dict "kubernetes.io/metadata.name" $namespace)) | list | toYaml -}}
{{- else if regexMatch "^[0-9]+([.][0-9]+){3}$" $host -}}
{{- dict "ipBlock" (dict "cidr" (printf "%s/32" $host)) | list | toYaml -}}
{{- else -}}
{{- list | toYaml -}}
{{- end -}}
{{- end -}}

{{/* The services that depend on settings, as YAML with true for each that is used. */}}
{{- define "airflow-platform.networkPolicies.usedServices" -}}
{{- $airflow := .Values.airflow -}}
{{- $options := include "airflow-platform.settings" (dict "context" . "defaults" (dict
  "logging.remote_logging" "False"
  "secrets.backend" ""
  "core.auth_manager" ""
  "dag_processor.dag_bundle_config_list" ""
)) | fromYaml -}}
{{- $login := printf "%s %s" (($airflow.apiServer).apiServerConfig | default "") (($airflow.webserver).webserverConfig | default "") -}}
{{- $oidc := dig "enabled" false (.Values.oidc | default dict) -}}
{{- dict
  "statsd" (or .Values.global.metrics.enabled $airflow.statsd.enabled)
  "loki" .Values.global.taskLogs.enabled
  "git" (or (and $airflow.dags.gitSync.enabled (not $airflow.dags.persistence.enabled)) (contains "GitDagBundle" (get $options "dag_processor.dag_bundle_config_list")))
  "remoteLogging" (eq (lower (get $options "logging.remote_logging")) "true")
  "secretsBackend" (and (get $options "secrets.backend") (not (contains "LocalFilesystem" (get $options "secrets.backend"))) | empty | not)
  "identityProvider" (or $oidc (regexMatch "OAUTH_PROVIDERS|AUTH_LDAP|AUTH_OID" $login) (contains "Keycloak" (get $options "core.auth_manager")))
  | toYaml -}}
{{- end -}}
