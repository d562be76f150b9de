{{/*
The components of the release, and to what each connects, as YAML: <component>:
  pods        a LabelSelector of its pods
  to          the services that it needs, by their names in airflow-platform.networkPolicies.services
  from        ingress rules for clients outside the release
  everywhere  true where its pods may connect to everything, because code of DAGs runs in them

An edge between two components is here once, in the `to` of the client: the ingress rules of the server follow it.
Which pods there are is as in the official chart. The scope of these templates is this chart.
*/}}
{{- define "airflow-platform.networkPolicies.components" -}}
{{- $airflow := .Values.airflow -}}
{{- $settings := .Values.networkPolicies -}}
{{- $version := toString $airflow.airflowVersion -}}
{{- $airflow3 := semverCompare ">=3.0.0-0" $version -}}
{{- $executors := include "airflow-platform.executors" $airflow.executor | fromYaml -}}
{{- $celery := hasKey $executors "workers" -}}
{{- $local := hasKey $executors "scheduler" -}}
{{- $dagProcessor := kindIs "invalid" $airflow.dagProcessor.enabled | ternary $airflow3 $airflow.dagProcessor.enabled -}}
{{- $triggerer := and $airflow.triggerer.enabled (semverCompare ">=2.2.0-0" $version) -}}
{{- $webserver := $airflow3 | ternary "api-server" "webserver" -}}
{{- $webserverValues := $airflow3 | ternary $airflow.apiServer $airflow.webserver -}}
{{- $dagCodeInScheduler := or $local (not $dagProcessor) -}}
{{- $launches := or $airflow.allowPodLaunching .Values.jobs.enabled -}}
{{- $everywhere := $settings.dagCode.connectEverywhere -}}
{{- $used := include "airflow-platform.networkPolicies.usedServices" . | fromYaml -}}
{{- /* What most pods of Airflow use. */ -}}
{{- $common := list "database" -}}
{{- if $used.statsd -}}{{- $common = append $common "statsd" -}}{{- end -}}
{{- if $used.secretsBackend -}}{{- $common = append $common "secrets-backend" -}}{{- end -}}
{{- $dags := list -}}
{{- if $used.git -}}{{- $dags = append $dags "git" -}}{{- end -}}
{{- $tasks := $dags -}}
{{- if $launches -}}{{- $tasks = append $tasks "kubernetes-api" -}}{{- end -}}
{{- /* Elasticsearch and OpenSearch get the logs from somebody else. */ -}}
{{- $search := or ($airflow.elasticsearch | default dict).enabled ($airflow.opensearch | default dict).enabled -}}
{{- if and $used.remoteLogging (not $search) -}}{{- $tasks = append $tasks "remote-logging" -}}{{- end -}}
{{- $logs := $tasks -}}
{{- if $used.loki -}}{{- $logs = append $logs "loki" -}}{{- end -}}

{{- $components := dict -}}
{{- if $airflow.scheduler.enabled -}}
{{- $to := $common -}}
{{- if $dagCodeInScheduler -}}{{- $to = concat $to $dags -}}{{- end -}}
{{- if $local -}}
{{- $to = concat $to $logs -}}
{{- if $airflow3 -}}{{- $to = append $to "execution-api" -}}{{- end -}}
{{- end -}}
{{- if hasKey $executors "pods" -}}{{- $to = append $to "kubernetes-api" -}}{{- end -}}
{{- if $celery -}}{{- $to = append $to "broker" -}}{{- end -}}
{{- $_ := set $components "scheduler" (dict "to" $to "everywhere" (and $everywhere $dagCodeInScheduler)) -}}
{{- end -}}

{{- if $webserverValues.enabled -}}
{{- $to := $common -}}
{{- if $celery -}}{{- $to = append $to "worker-logs" -}}{{- end -}}
{{- if $local -}}{{- $to = append $to "scheduler-logs" -}}{{- end -}}
{{- if $triggerer -}}{{- $to = append $to "triggerer-logs" -}}{{- end -}}
{{- if $webserverValues.allowPodLogReading -}}{{- $to = append $to "kubernetes-api" -}}{{- end -}}
{{- if $used.remoteLogging -}}{{- $to = append $to "remote-logging" -}}{{- end -}}
{{- if $used.identityProvider -}}{{- $to = append $to "identity-provider" -}}{{- end -}}
{{- $port := $airflow3 | ternary $airflow.ports.apiServer $airflow.ports.airflowUI -}}
{{- $users := include "airflow-platform.networkPolicies.users" (dict "context" . "service" $webserverValues.service "port" $port) | fromYamlArray -}}
{{- $_ := set $components $webserver (dict "to" $to "from" $users) -}}
{{- end -}}

{{- if $dagProcessor -}}
{{- $_ := set $components "dag-processor" (dict "to" (concat $common $dags) "everywhere" $everywhere) -}}
{{- end -}}

{{- $scraped := list -}}
{{- if include "airflow-platform.networkPolicies.sidecarsAreScraped" . -}}
{{- $scraped = include "airflow-platform.networkPolicies.scraped" (dict "context" . "port" "vector-metrics") | fromYamlArray -}}
{{- end -}}
{{- if $triggerer -}}
{{- $_ := set $components "triggerer" (dict "to" (concat $common $logs) "from" $scraped "everywhere" $everywhere) -}}
{{- end -}}
{{- if $celery -}}
{{- $to := concat $common $logs (list "broker") -}}
{{- if $airflow3 -}}{{- $to = append $to "execution-api" -}}{{- end -}}
{{- $_ := set $components "worker" (dict "to" $to "from" $scraped "everywhere" $everywhere) -}}
{{- end -}}
{{- if hasKey $executors "pods" -}}
{{- /* In Airflow 3 a task asks the API server for all that is in the database. */ -}}
{{- $to := concat $common $logs -}}
{{- if $airflow3 -}}{{- $to = append (without $to "database") "execution-api" -}}{{- end -}}
{{- $_ := set $components "task-pod" (dict "to" $to "everywhere" $everywhere) -}}
{{- end -}}

{{- /* Their command line connects to the database: the Job migrates it, the others write what was called to it. */ -}}
{{- if .Values.migrateDatabaseJob.enabled -}}
{{- $_ := set $components "migrate-database" (dict "to" (list "database")) -}}
{{- end -}}
{{- if .Values.createUserJob.enabled -}}
{{- $_ := set $components "create-user" (dict "to" (list "database")) -}}
{{- end -}}
{{- if and $airflow.cleanup.enabled (hasKey $executors "pods") -}}
{{- $_ := set $components "cleanup" (dict "to" (list "database" "kubernetes-api")) -}}
{{- end -}}
{{- if $airflow.databaseCleanup.enabled -}}
{{- $_ := set $components "database-cleanup" (dict "to" (list "database" "kubernetes-api")) -}}
{{- end -}}
{{- if and $airflow.flower.enabled $celery -}}
{{- $users := include "airflow-platform.networkPolicies.users" (dict "context" . "service" $airflow.flower.service "port" $airflow.ports.flowerUI) | fromYamlArray -}}
{{- $_ := set $components "flower" (dict "to" (list "database" "broker") "from" $users) -}}
{{- end -}}
{{- if and $airflow.redis.enabled $celery -}}
{{- $_ := set $components "redis" dict -}}
{{- end -}}

{{- $endpoint := include "airflow-platform.database.endpoint" . | fromYaml -}}
{{- if $airflow.pgbouncer.enabled -}}
{{- $scraped := include "airflow-platform.networkPolicies.scraped" (dict "context" . "port" $airflow.ports.pgbouncerScrape) | fromYamlArray -}}
{{- $keda := include "airflow-platform.networkPolicies.keda" (dict "context" . "server" "pgbouncer" "port" $endpoint.port) | fromYamlArray -}}
{{- $_ := set $components "pgbouncer" (dict "to" (list "database-past-pgbouncer") "from" (concat $scraped $keda)) -}}
{{- end -}}
{{- if $airflow.postgresql.enabled -}}
{{- $keda := include "airflow-platform.networkPolicies.keda" (dict "context" . "server" "postgresql" "port" $endpoint.direct.port) | fromYamlArray -}}
{{- /* Replicas read from the primary. */ -}}
{{- /* Pods of the backup's CronJob have the same labels as the database. */ -}}
{{- $replication := or (eq ($airflow.postgresql.architecture | default "standalone") "replication") (dig "backup" "enabled" false $airflow.postgresql) -}}
{{- if dig "metrics" "enabled" false $airflow.postgresql -}}
{{- $keda = concat $keda (include "airflow-platform.networkPolicies.scraped" (dict "context" . "port" "http-metrics") | fromYamlArray) -}}
{{- end -}}
{{- $itself := $airflow.pgbouncer.enabled | ternary "database-past-pgbouncer" "database" -}}
{{- $_ := set $components "postgresql" (dict "to" ($replication | ternary (list $itself) list) "from" $keda) -}}
{{- end -}}

{{- if .Values.global.metrics.enabled -}}
{{- $from := include "airflow-platform.networkPolicies.scraped" (dict "context" . "port" (include "observability.statsdExporter.scrapePort" . | int)) | fromYamlArray -}}
{{- $injected := include "airflow-platform.networkPolicies.injected" . | fromYamlArray -}}
{{- $_ := set $components "statsd-exporter" (dict "from" (concat $from $injected)) -}}
{{- if .Values.observability.helmTest.enabled -}}
{{- $_ := set $components "statsd-mapping-test" dict -}}
{{- end -}}
{{- else if $airflow.statsd.enabled -}}
{{- $from := include "airflow-platform.networkPolicies.scraped" (dict "context" . "port" $airflow.ports.statsdScrape) | fromYamlArray -}}
{{- $_ := set $components "statsd" (dict "from" $from) -}}
{{- end -}}
{{- if and .Values.global.taskLogs.enabled .Values.observability.imagePrePuller.enabled -}}
{{- $_ := set $components "image-pre-puller" dict -}}
{{- end -}}

{{- range $name, $component := $components -}}
{{- $_ := set $component "to" ($component.to | default list | uniq) -}}
{{- $_ := set $component "from" ($component.from | default list) -}}
{{- $_ := set $component "everywhere" ($component.everywhere | default false) -}}
{{- $_ := set $component "pods" (include "airflow-platform.networkPolicies.pods" (dict "context" $ "component" $name) | fromYaml) -}}
{{- end -}}
{{- toYaml $components -}}
{{- end -}}

{{/*
LabelSelector of the pods of a component. Task pods and Celery workers have the same labels but for the one by which
KubernetesExecutor finds its own pods. Input: dict "context" $ "component" <its name>
*/}}
{{- define "airflow-platform.networkPolicies.pods" -}}
{{- $context := .context -}}
{{- $ofAirflow := dict "tier" "airflow" "release" $context.Release.Name -}}
{{- $component := get (dict "task-pod" "worker" "migrate-database" "run-airflow-migrations" "create-user" "create-user-job" "cleanup" "airflow-cleanup-pods") .component | default .component -}}
{{- $labels := merge (dict "component" $component) $ofAirflow -}}
{{- if has .component (list "statsd-exporter" "statsd-mapping-test" "image-pre-puller") -}}
{{- $labels = include "observability.selectorLabels" . | fromYaml -}}
{{- else if eq .component "postgresql" -}}
{{- $labels = dict "app.kubernetes.io/instance" $context.Release.Name "app.kubernetes.io/name" ($context.Values.airflow.postgresql.nameOverride | default "postgresql") -}}
{{- end -}}
{{- $selector := dict "matchLabels" $labels -}}
{{- if eq .component "task-pod" -}}
{{- $_ := set $labels "kubernetes_executor" "True" -}}
{{- else if eq .component "worker" -}}
{{- $_ := set $selector "matchExpressions" (list (dict "key" "kubernetes_executor" "operator" "DoesNotExist")) -}}
{{- end -}}
{{- toYaml $selector -}}
{{- end -}}
