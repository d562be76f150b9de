{{/*
Settings of the official chart that the sidecar depends on: in pods with many tasks, extraInitContainers and
extraVolumes must have its entry; terminationGracePeriodSeconds must leave time for its drain. A worker set
without a setting of its own takes the one of `workers.celery`, and that takes the one of `workers`.

Input: .Values.airflow. Output: YAML, a list of
  owner  path below `airflow` of the map with the setting, such as workers or workers.celery
  set    index of the worker set with the setting, where the owner is workers.celery.sets
  key    name of the setting
  pods   the pods, for messages
*/}}
{{- define "airflow-platform.taskLogs.settings" -}}
{{- $executors := include "airflow-platform.executors" .executor | fromYaml -}}
{{- $celery := .workers.celery | default dict -}}
{{- $settings := list -}}
{{- range $key := list "extraInitContainers" "extraVolumes" "terminationGracePeriodSeconds" -}}
{{- if $executors.workers -}}
{{- $own := include "airflow-platform.taskLogs.isSet" (get $celery $key) -}}
{{- $default := dict "owner" (empty $own | ternary "workers" "workers.celery") "key" $key "pods" "Celery workers" -}}
{{- if ne (toString $celery.enableDefault) "false" -}}{{- $settings = append $settings $default -}}{{- end -}}
{{- range $index, $set := $celery.sets -}}
{{- if include "airflow-platform.taskLogs.isSet" (get $set $key) -}}
{{- $settings = append $settings (dict "owner" "workers.celery.sets" "set" $index "key" $key "pods" (printf "Celery workers of the set %s" $set.name)) -}}
{{- else -}}
{{- $settings = append $settings $default -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and $executors.pods (eq $key "terminationGracePeriodSeconds") -}}
{{- $settings = append $settings (dict "owner" "workers" "key" $key "pods" "task pods") -}}
{{- end -}}
{{- if $.triggerer.enabled -}}
{{- $settings = append $settings (dict "owner" "triggerer" "key" $key "pods" "triggerers") -}}
{{- end -}}
{{- if $executors.scheduler -}}
{{- $settings = append $settings (dict "owner" "scheduler" "key" $key "pods" (printf "schedulers, in which %s runs tasks" (join " and " $executors.scheduler))) -}}
{{- end -}}
{{- end -}}
{{- uniq $settings | toYaml -}}
{{- end -}}

{{/* "true" for a setting that the official chart takes from a worker set or from `workers.celery`. */}}
{{- define "airflow-platform.taskLogs.isSet" -}}
{{- if or (kindIs "float64" .) (kindIs "int64" .) (not (empty .)) -}}true{{- end -}}
{{- end -}}

{{/*
Maps whose containers and volumes get into the same pods as the sidecar, in the form of
airflow-platform.taskLogs.settings without key and pods. "" stands for `airflow` itself.
*/}}
{{- define "airflow-platform.taskLogs.owners" -}}
{{- $executors := include "airflow-platform.executors" .executor | fromYaml -}}
{{- $owners := list (dict "owner" "") -}}
{{- if or $executors.pods $executors.workers -}}{{- $owners = append $owners (dict "owner" "workers") -}}{{- end -}}
{{- if $executors.workers -}}
{{- $owners = append $owners (dict "owner" "workers.celery") -}}
{{- range $index, $_ := dig "celery" "sets" list .workers -}}
{{- $owners = append $owners (dict "owner" "workers.celery.sets" "set" $index) -}}
{{- end -}}
{{- end -}}
{{- if .triggerer.enabled -}}{{- $owners = append $owners (dict "owner" "triggerer") -}}{{- end -}}
{{- if $executors.scheduler -}}{{- $owners = append $owners (dict "owner" "scheduler") -}}{{- end -}}
{{- toYaml $owners -}}
{{- end -}}

{{/*
What is wrong with the values below `airflow` for the sidecar, and the values that correct all of it.

Input: dict
  "airflow"         .Values.airflow
  "drainSeconds"    seconds that the drain may take
  "removeShippers"  true: the correction removes log shippers whose name is taken; false: it renames them
Output: YAML, a dict
  taken    containers and volumes of the user with a name of the chart's, such as `workers.extraContainers: vector`
  shipper  true where one of them is a log shipper
  missing  lists without the sidecar's entry, such as `triggerer.extraInitContainers (triggerers)`
  early    lists with another native sidecar after the sidecar's entry
  short    pods that are killed before the drain has ended, with their seconds
  values   the correction
*/}}
{{- define "airflow-platform.taskLogs.findings" -}}
{{- $airflow := deepCopy .airflow -}}
{{- $fix := dict -}}
{{- $taken := list -}}
{{- $shipper := false -}}
{{- $missing := list -}}
{{- $early := list -}}
{{- $short := list -}}

{{- $reserved := include "observability.taskLogs.reservedNames" . | fromYaml -}}
{{- range $place := include "airflow-platform.taskLogs.owners" .airflow | fromYamlArray -}}
{{- $map := include "airflow-platform.taskLogs.owner" (merge (dict "airflow" $airflow) $place) | fromYaml -}}
{{- $renamed := dict -}}
{{- range $key, $names := dict "extraContainers" $reserved.containers "extraInitContainers" $reserved.containers "extraVolumes" $reserved.volumes "volumes" $reserved.volumes -}}
{{- $kept := list -}}
{{- $found := false -}}
{{- range $entry := get $map $key | default list -}}
{{- $new := $entry -}}
{{- if has $entry.name $names -}}
{{- $found = true -}}
{{- $taken = append $taken (printf "%s: %s" (printf "airflow.%s.%s" $place.owner $key | replace ".." ".") $entry.name) -}}
{{- $ships := regexMatch "vector|fluent|promtail|alloy|filebeat|otel|opentelemetry" (toString $entry.image) -}}
{{- if $ships -}}{{- $shipper = true -}}{{- end -}}
{{- $new = merge (dict "name" (printf "my-%s" $entry.name)) $entry -}}
{{- if and $ships $.removeShippers -}}{{- $new = dict -}}{{- end -}}
{{- if has $key (list "extraVolumes" "volumes") -}}{{- $_ := set $renamed $entry.name $new.name -}}{{- end -}}
{{- end -}}
{{- if $new -}}{{- $kept = append $kept $new -}}{{- end -}}
{{- end -}}
{{- if $found -}}
{{- include "airflow-platform.taskLogs.put" (dict "airflow" $airflow "fix" $fix "place" $place "key" $key "value" $kept) -}}
{{- end -}}
{{- end -}}
{{- /* What mounts a renamed volume follows. */ -}}
{{- if $renamed -}}
{{- $map = include "airflow-platform.taskLogs.owner" (merge (dict "airflow" $airflow) $place) | fromYaml -}}
{{- range $key := list "extraContainers" "extraInitContainers" "extraVolumeMounts" "volumeMounts" -}}
{{- $json := get $map $key | toJson -}}
{{- $new := $json -}}
{{- range $from, $to := $renamed -}}
{{- $new = replace (printf "\"name\":%q" $from) (printf "\"name\":%q" $to) $new -}}
{{- end -}}
{{- if ne $new $json -}}
{{- include "airflow-platform.taskLogs.put" (dict "airflow" $airflow "fix" $fix "place" $place "key" $key "value" (fromJsonArray $new)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- $entries := dict
  "extraInitContainers" "vector{{ include \"observability.taskLogs.initContainerFields\" . }}"
  "extraVolumes" "task-logs-config{{ include \"observability.taskLogs.volumeFields\" . }}" -}}
{{- range $setting := include "airflow-platform.taskLogs.settings" .airflow | fromYamlArray -}}
{{- $map := include "airflow-platform.taskLogs.owner" (merge (dict "airflow" $airflow) $setting) | fromYaml -}}
{{- $value := get $map $setting.key -}}
{{- $new := dict -}}
{{- if hasKey $entries $setting.key -}}
{{- $entry := get $entries $setting.key -}}
{{- $others := list -}}
{{- $position := -1 -}}
{{- range $index, $item := $value | default list -}}
{{- if eq (toString $item.name) $entry -}}{{- $position = $index -}}{{- else -}}{{- $others = append $others $item -}}{{- end -}}
{{- end -}}
{{- $place := include "observability.taskLogs.place" $others | int -}}
{{- $list := printf "airflow.%s.%s (%s)" $setting.owner $setting.key $setting.pods -}}
{{- if eq $position -1 -}}
{{- $missing = append $missing $list -}}
{{- else if lt $position $place -}}
{{- $early = append $early $list -}}
{{- end -}}
{{- if lt $position $place -}}
{{- $all := append $others (dict "name" $entry) -}}
{{- $new = dict "value" (concat (slice $all 0 $place) (list (last $all)) (slice $all $place | initial)) -}}
{{- end -}}
{{- else if le (int $value) (int $.drainSeconds) -}}
{{- $short = append $short (printf "%s: %d s" $setting.pods (int $value)) -}}
{{- $new = dict "value" (add $.drainSeconds 5) -}}
{{- end -}}
{{- if $new -}}
{{- include "airflow-platform.taskLogs.put" (dict "airflow" $airflow "fix" $fix "place" $setting "key" $setting.key "value" $new.value) -}}
{{- end -}}
{{- end -}}
{{- dict "taken" $taken "shipper" $shipper "missing" $missing "early" $early "short" $short "values" (dict "airflow" $fix) | toYaml -}}
{{- end -}}

{{/*
The map at a place of airflow-platform.taskLogs.owners, as YAML.
Input: the place, and "airflow" .Values.airflow
*/}}
{{- define "airflow-platform.taskLogs.owner" -}}
{{- $found := .airflow -}}
{{- if hasKey . "set" -}}
{{- $found = index .airflow.workers.celery.sets (int .set) -}}
{{- else if .owner -}}
{{- range splitList "." .owner -}}{{- $found = get $found . | default dict -}}{{- end -}}
{{- else -}}
{{- $found = pick .airflow "volumes" "volumeMounts" -}}
{{- end -}}
{{- toYaml $found -}}
{{- end -}}

{{/*
Writes a setting into the values and into their correction. A list in Helm is replaced as a whole, so the
correction has all worker sets.
Input: dict "airflow" and "fix" <maps, changed in place> "place" <see airflow-platform.taskLogs.owners> "key" "value"
*/}}
{{- define "airflow-platform.taskLogs.put" -}}
{{- $put := . -}}
{{- if hasKey .place "set" -}}
{{- $sets := .airflow.workers.celery.sets -}}
{{- $_ := set (index $sets (int .place.set)) .key .value -}}
{{- include "airflow-platform.setAt" (dict "into" .fix "path" "workers.celery.sets" "value" $sets) -}}
{{- else -}}
{{- $path := trimPrefix "." (printf "%s.%s" .place.owner .key) -}}
{{- range list .airflow .fix -}}
{{- include "airflow-platform.setAt" (dict "into" . "path" $path "value" $put.value) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/*
Puts a value into nested maps, which are made where they are missing.
Input: dict "into" <map, changed in place> "path" "workers.celery.sets" "value" <value>
*/}}
{{- define "airflow-platform.setAt" -}}
{{- $keys := splitList "." .path -}}
{{- $map := .into -}}
{{- range initial $keys -}}
{{- if not (kindIs "map" (get $map .)) -}}{{- $_ := set $map . dict -}}{{- end -}}
{{- $map = get $map . -}}
{{- end -}}
{{- $_ := set $map (last $keys) .value -}}
{{- end -}}
