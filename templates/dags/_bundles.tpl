{{/*
DAG bundles of Airflow 3, [dag_processor] dag_bundle_config_list. The scope is the wrapper.
*/}}

{{/* The value of the option as Airflow reads it, from airflow.config or a variable; empty where it is not set. */}}
{{- define "airflow-platform.dags.bundles" -}}
{{- $option := "dag_processor.dag_bundle_config_list" -}}
{{- get (include "airflow-platform.settings" (dict "context" . "defaults" (dict $option "")) | fromYaml) $option -}}
{{- end -}}

{{/* The arguments that the classes of bundles take, and those that they need. Of other classes nothing is known. */}}
{{- define "airflow-platform.dags.bundleArguments" -}}
GitDagBundle:
  takes: [tracking_ref, subdir, git_conn_id, repo_url, submodules, prune_dotgit_folder, sparse_dirs, refresh_interval, view_url_template]
  needs: [tracking_ref]
LocalDagBundle:
  takes: [path, refresh_interval, view_url_template]
{{- end -}}

{{/* Refuses bundles with which Airflow would not start, or would not read DAGs that are delivered. */}}
{{- define "airflow-platform.dags.checkBundles" -}}
{{- $airflow := .Values.airflow -}}
{{- $text := include "airflow-platform.dags.bundles" . -}}
{{- $bundles := fromJsonArray $text -}}
{{- /* The function gives the error of its parser as the only item. */ -}}
{{- $isList := and (not (kindIs "string" (first $bundles))) (hasPrefix "[" (trim $text)) -}}
{{- $generated := dict "dag_processor" (dict "dag_bundle_config_list" "{{ include \"dag_bundle_config_list\" . }}") -}}
{{- $local := dict "name" "dags-folder" "classpath" "airflow.dag_processing.bundles.local.LocalDagBundle" "kwargs" dict -}}
{{- $default := dict "airflow" (dict "config" $generated "dagProcessor" (dict "dagBundleConfigList" (list $local))) | toYaml | indent 2 -}}
{{- if and $text (not $isList) }}
{{- fail (printf "\n\n[dag_processor] dag_bundle_config_list is no list in JSON: %s.\nDescribe bundles as YAML in airflow.dagProcessor.dagBundleConfigList, of which the official chart makes the JSON, and do not set the option by other keys or variables. For the DAGs folder alone:\n\n%s\n" (trunc 200 $text) $default) }}
{{- end }}
{{- if $text }}
{{- $names := list }}
{{- $others := list }}
{{- $readsFolder := false }}
{{- $folder := get (include "airflow-platform.settings" (dict "context" . "defaults" (dict "core.dags_folder" "")) | fromYaml) "core.dags_folder" }}
{{- range $index, $bundle := $bundles }}
{{- if not (and (kindIs "map" $bundle) $bundle.name $bundle.classpath (kindIs "map" $bundle.kwargs)) }}
{{- fail (printf "\n\nIn [dag_processor] dag_bundle_config_list the item %d has no name, no classpath or no kwargs, and Airflow would not start.\nEach bundle has all three; kwargs may be {}. For the DAGs folder alone:\n\n%s\n" $index $default) }}
{{- end }}
{{- $class := $bundle.classpath | splitList "." | last }}
{{- $kwargs := $bundle.kwargs }}
{{- if has $bundle.name $names }}
{{- fail (printf "\n\nTwo DAG bundles are called %s, and Airflow would not start.\nGive each a name of its own. For the DAGs folder alone:\n\n%s\n" $bundle.name $default) }}
{{- end }}
{{- $names = append $names $bundle.name }}
{{- with get (include "airflow-platform.dags.bundleArguments" $ | fromYaml) $class }}
{{- $takes := .takes }}
{{- range $key, $_ := $kwargs }}
{{- if not (has $key $takes) }}
{{- fail (printf "\n\nThe DAG bundle %s has %s among its kwargs, which %s does not take, so Airflow would leave the bundle out.\nIt takes %s. For the DAGs folder alone:\n\n%s\n" $bundle.name $key $class (join ", " $takes) $default) }}
{{- end }}
{{- end }}
{{- range .needs }}
{{- if not (get $kwargs .) }}
{{- fail (printf "\n\nThe DAG bundle %s has no %s among its kwargs, which %s needs, so Airflow would leave the bundle out.\nSet it, such as `%s: main`. For the DAGs folder alone:\n\n%s\n" $bundle.name . $class . $default) }}
{{- end }}
{{- end }}
{{- end }}
{{- if regexMatch "://[^/\\s:@]*:[^/\\s@]+@" ($kwargs.repo_url | default "" | toString) }}
{{- fail (printf "\n\nThe DAG bundle %s has a password in its repo_url, which would be readable in the manifests and in Airflow.\nPut the repository's URL and the password into a connection that comes from a Secret (docs/dags.md), and name it in git_conn_id. For the DAGs folder alone:\n\n%s\n" $bundle.name $default) }}
{{- end }}
{{- if eq $class "LocalDagBundle" }}
{{- $path := $kwargs.path | default $folder | toString | trimSuffix "/" }}
{{- if or (eq $path (trimSuffix "/" $folder)) (hasPrefix (print $path "/") $folder) (hasPrefix (print (trimSuffix "/" $folder) "/") $path) }}{{- $readsFolder = true }}{{- end }}
{{- else }}
{{- $others = append $others $bundle.name }}
{{- end }}
{{- end }}
{{- if and $others (semverCompare "<3.0.0-0" $airflow.airflowVersion) }}
{{- fail (printf "\n\nDAG bundles are of Airflow 3, and airflow.airflowVersion is %s, which would read its DAGs folder only; the values have the bundles %s.\nBring the DAGs by git-sync (docs/dags.md), and set:\n\n%s\n" $airflow.airflowVersion (join ", " $others) $default) }}
{{- end }}

{{- /* What brings DAGs into the DAGs folder, while no bundle reads that. */}}
{{- $off := dict }}
{{- $by := list }}
{{- range $way := list "gitSync" "persistence" }}
{{- if (get $airflow.dags $way).enabled }}
{{- $by = append $by (printf "airflow.dags.%s.enabled" $way) }}
{{- $off = mergeOverwrite $off (dict "airflow" (dict "dags" (dict $way (dict "enabled" false)))) }}
{{- end }}
{{- end }}
{{- if .Values.dags.folder }}{{- $by = append $by "dags.folder" }}{{- $_ := set $off "dags" (dict "folder" "") }}{{- end }}
{{- if .Values.exampleDag.enabled }}{{- $by = append $by "exampleDag.enabled" }}{{- $_ := set $off "exampleDag" (dict "enabled" false) }}{{- end }}
{{- if and .Values.jobs.enabled (include "airflow-platform.workflows.files" . | fromYaml) }}
{{- $by = append $by "jobs" }}
{{- $_ := set $off "jobs" (dict "enabled" false) }}
{{- end }}
{{- if and $by (not $readsFolder) (semverCompare ">=3.0.0-0" $airflow.airflowVersion) }}
{{- $both := dict "airflow" (dict "config" $generated "dagProcessor" (dict "dagBundleConfigList" (append $bundles $local))) }}
{{- fail (printf "\n\nDAGs come into the DAGs folder by %s, and no DAG bundle reads that folder: the bundles are %s.\nTake DAGs from the bundles alone:\n\n%s\n\nor from the folder as well, with a bundle for it:\n\n%s\n" (join ", " $by) (join ", " $names) ($off | toYaml | indent 2) ($both | toYaml | indent 2)) }}
{{- end }}
{{- end }}
{{- end -}}
