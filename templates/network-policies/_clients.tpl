{{/*
Ingress rules for clients outside the release, each as a YAML list of rules. The scope of these templates is this
chart.
*/}}

{{/*
People and programs that open the user interface or call the API. Behind a Service that the outside reaches, they
come with addresses of their own or of a node.
Input: dict "context" $ "service" <values of the Service> "port" <container port>
*/}}
{{- define "airflow-platform.networkPolicies.users" -}}
{{- $from := .context.Values.networkPolicies.users.from -}}
{{- $outside := has .service.type (list "LoadBalancer" "NodePort") -}}
{{- /* The load balancers of these classes connect to pods from outside of the cluster. */ -}}
{{- range .context.Values.airflow.ingress | default dict -}}
{{- if kindIs "map" . -}}
{{- $class := .ingressClassName | default (get (.annotations | default dict) "kubernetes.io/ingress.class") | default "" -}}
{{- if and .enabled (has $class (list "alb" "gce" "gce-internal" "azure-application-gateway" "azure/application-gateway")) -}}{{- $outside = true -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- $rule := dict "ports" (list (dict "port" (int .port) "protocol" "TCP")) -}}
{{- if $from -}}
{{- $_ := set $rule "from" $from -}}
{{- else if not $outside -}}
{{- $_ := set $rule "from" (list (dict "namespaceSelector" dict)) -}}
{{- end -}}
{{- toYaml (list $rule) -}}
{{- end -}}

{{/* Prometheus. Input: dict "context" $ "port" <container port, or its name> */}}
{{- define "airflow-platform.networkPolicies.scraped" -}}
{{- $from := .context.Values.networkPolicies.prometheus.from -}}
{{- dict "from" $from "ports" (list (dict "port" .port "protocol" "TCP")) | list | toYaml -}}
{{- end -}}

{{/* "true" where Prometheus scrapes the sidecars of workers and triggerers. */}}
{{- define "airflow-platform.networkPolicies.sidecarsAreScraped" -}}
{{- $taskLogs := .Values.global.taskLogs -}}
{{- if and $taskLogs.enabled $taskLogs.internalMetrics.enabled -}}true{{- end -}}
{{- end -}}

{{/*
KEDA, which asks the database how many workers or triggerers there should be.
Input: dict "context" $ "server" "pgbouncer" or "postgresql" "port" <its port>
*/}}
{{- define "airflow-platform.networkPolicies.keda" -}}
{{- $input := . -}}
{{- $airflow := .context.Values.airflow -}}
{{- $executors := include "airflow-platform.executors" $airflow.executor | fromYaml -}}
{{- $scalers := list $airflow.triggerer.keda -}}
{{- if hasKey $executors "workers" -}}
{{- range include "airflow-platform.celery.workers" $airflow.workers | fromYamlArray -}}
{{- $scalers = append $scalers .keda -}}
{{- end -}}
{{- end -}}
{{- $operators := list -}}
{{- range $scalers -}}
{{- $server := and $airflow.pgbouncer.enabled .usePgbouncer | ternary "pgbouncer" "postgresql" -}}
{{- if and .enabled (eq $server $input.server) -}}
{{- $namespaces := empty .namespaceLabels | ternary dict (dict "matchLabels" .namespaceLabels) -}}
{{- $operators = append $operators (dict "namespaceSelector" $namespaces "podSelector" (dict "matchLabels" (dict "app" "keda-operator"))) -}}
{{- end -}}
{{- end -}}
{{- $rules := list -}}
{{- if $operators -}}
{{- $rules = append $rules (dict "from" (uniq $operators) "ports" (list (dict "port" (int .port) "protocol" "TCP"))) -}}
{{- end -}}
{{- toYaml $rules -}}
{{- end -}}

{{/* Pods that get the sidecar by injection, which reports to the statsd-exporter. */}}
{{- define "airflow-platform.networkPolicies.injected" -}}
{{- $rules := list -}}
{{- $injection := .Values.observability.injection -}}
{{- if and .Values.global.taskLogs.enabled $injection.enabled -}}
{{- $peers := list -}}
{{- range $namespace := include "observability.taskLogs.injection.namespaces" .Subcharts.observability | fromYamlArray -}}
{{- $peers = append $peers (dict "namespaceSelector" (dict "matchLabels" (dict "kubernetes.io/metadata.name" $namespace)) "podSelector" (deepCopy $injection.objectSelector)) -}}
{{- end -}}
{{- $port := include "observability.statsdExporter.ingestPort" . | int -}}
{{- $rules = append $rules (dict "from" $peers "ports" (list (dict "port" $port "protocol" "UDP"))) -}}
{{- end -}}
{{- toYaml $rules -}}
{{- end -}}
