{{/*
DAGs that a ConfigMap delivers (dags.folder). The scope is the wrapper.
*/}}

{{- define "airflow-platform.dags.name" -}}
{{- printf "%s-dags" .Release.Name -}}
{{- end -}}

{{/*
What is in dags.folder, path -> content, as JSON. Byte code that Python leaves among the files is left out.
*/}}
{{- define "airflow-platform.dags.files" -}}
{{- $files := dict -}}
{{- with .Values.dags.folder -}}
{{- $folder := printf "%s/" (trimSuffix "/" .) -}}
{{- range $path, $content := $.Files.Glob (printf "%s**" $folder) -}}
{{- if not (regexMatch "(^|/)__pycache__/|[.]pyc$|(^|/)[.]DS_Store$" $path) -}}
{{- $_ := set $files (trimPrefix $folder $path) (toString $content) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toJson $files -}}
{{- end -}}

{{/*
The data of the ConfigMap, as JSON. A ConfigMap has no folders, so "--" stands for "/" in its keys, and the volume puts
each file where it belongs. Kubernetes mounts files as links into a hidden directory, and Airflow stops reading its
DAGs folder when it comes to a directory twice: the pattern in .airflowignore names that directory in both syntaxes,
regexp and glob.
*/}}
{{- define "airflow-platform.dags.data" -}}
{{- $files := include "airflow-platform.dags.files" . | fromJson -}}
{{- $data := dict -}}
{{- range $path, $content := $files -}}
{{- $_ := set $data (replace "/" "--" $path) $content -}}
{{- end -}}
{{- if $data -}}
{{- $own := get $files ".airflowignore" | default "" | trimSuffix "\n" -}}
{{- $_ := set $data ".airflowignore" (print $own (empty $own | ternary "" "\n") "[.][.][a-z0-9]*\n") -}}
{{- end -}}
{{- toJson $data -}}
{{- end -}}

{{/* The volume, as YAML; nothing without files. */}}
{{- define "airflow-platform.dags.volumes" -}}
{{- with include "airflow-platform.dags.data" . | fromJson -}}
{{- $items := list -}}
{{- range $key, $_ := . -}}
{{- $items = append $items (dict "key" $key "path" (replace "--" "/" $key)) -}}
{{- end }}
- name: dags-folder
  configMap: {{ include "airflow-platform.dags.name" $ }}
  mountPath: {{ include "airflow-platform.dags.mountPath" $ }}
  {{- /* Without folders a new file is there without a restart of the pods. */}}
  {{- if contains "--" (keys . | join " ") }}
  items: {{- toYaml $items | nindent 4 }}
  {{- end }}
{{- end -}}
{{- end -}}

{{/* The DAGs folder of Airflow. */}}
{{- define "airflow-platform.dags.mountPath" -}}
{{- get (include "airflow-platform.settings" (dict "context" . "defaults" (dict "core.dags_folder" "")) | fromYaml) "core.dags_folder" -}}
{{- end -}}
