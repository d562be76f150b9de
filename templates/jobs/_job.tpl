{{/*
A Job that the official chart's own template makes, under a name that ends in a hash of its spec. Kubernetes lets
nobody change the pod of a Job that exists, so under a fixed name an upgrade would fail until the Job is deleted. Under
this name an upgrade that changes the Job makes another one and deletes the old one, finished or not; one that changes
nothing leaves it alone. The pods of Airflow wait for the database, not for a Job of some name.

Takes the scope of the wrapper, the key of the Job's values, and the name of its file in the official chart.
*/}}
{{- define "airflow-platform.jobs.job" -}}
{{- $scope := index . 0 -}}
{{- $key := index . 1 -}}
{{- $file := index . 2 -}}
{{- if and $scope.Values.airflow.enabled (get $scope.Values $key).enabled -}}
{{- $airflow := omit $scope.Subcharts.airflow "Values" -}}
{{- $values := deepCopy $scope.Subcharts.airflow.Values -}}
{{- $_ := set (get $values $key) "enabled" true -}}
{{- /* The Jobs need no connections, whose changes would make them run again. */ -}}
{{- with $connections := include "airflow-platform.connections.environment" $scope | fromYamlArray -}}
{{- $kept := list -}}
{{- range $variable := tpl $values.extraEnv $scope.Subcharts.airflow | fromYamlArray -}}
{{- if not (has $variable $connections) -}}{{- $kept = append $kept $variable -}}{{- end -}}
{{- end -}}
{{- $_ := set $values "extraEnv" (include "airflow-platform.environment.text" $kept) -}}
{{- end -}}
{{- $_ := set $airflow "Values" $values -}}
{{- $charts := $scope.Template.BasePath | trimSuffix "templates" -}}
{{- $job := include (print $charts "charts/airflow/templates/jobs/" $file) $airflow | fromYaml -}}
{{- if not $job.spec }}
{{- fail (printf "\n\nairflow.%s: the official chart's Job is not valid YAML with these values: %s\nCorrect them, or install without the Job:\n\n  %s:\n    enabled: false\n" $key ($job.Error | default "it has no spec") $key) }}
{{- end }}
{{- if eq $key "migrateDatabaseJob" }}{{ include "airflow-platform.database.connectDirectly" (list $scope $job) }}{{ end }}
{{- $hash := list $job.metadata.name $job.spec | toJson | sha256sum | trunc 8 -}}
{{- /* 63 characters, as the Job's pods carry the name as a label. */}}
{{- $_ := set $job.metadata "name" (printf "%s-%s" ($job.metadata.name | trunc 54 | trimSuffix "-") $hash) -}}
{{- toYaml $job -}}
{{- end -}}
{{- end -}}
