{{/*
The executors of `airflow.executor` by the place where their tasks run: pods (a pod for each task), workers
(Celery workers), scheduler (the scheduler's pod) and elsewhere. Each is a list of names; a place without tasks is
left out. The value is one executor or a list of them, each with or without an alias, a module and a team:

    CeleryExecutor,KubernetesExecutor
    LocalExecutor;team_a=edge:airflow.providers.edge3.executors.EdgeExecutor

As in the official chart, a class of one's own counts as the executor whose name it contains.
Input: .Values.airflow.executor. Output: YAML.
*/}}
{{- define "airflow-platform.executors" -}}
{{- $places := dict -}}
{{- range $executor := regexSplit "[,;]" (toString .) -1 -}}
{{- $class := trim $executor | regexFind "[^.:=]*$" -}}
{{- $found := list -}}
{{- if contains "KubernetesExecutor" $class -}}{{- $found = append $found "pods" -}}{{- end -}}
{{- if regexMatch "Celery(Kubernetes)?Executor" $class -}}{{- $found = append $found "workers" -}}{{- end -}}
{{- if regexMatch "(Local(Kubernetes)?|Sequential)Executor" $class -}}{{- $found = append $found "scheduler" -}}{{- end -}}
{{- range $found | default (list "elsewhere") -}}
{{- $_ := set $places . (append (get $places . | default list) $class) -}}
{{- end -}}
{{- end -}}
{{- toYaml $places -}}
{{- end -}}
