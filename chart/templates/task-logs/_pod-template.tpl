{{/*
The official chart's own pod template with the sidecar added; everything else stays as it is.

The wrapper includes it from `airflow.podTemplate`, so it runs in the official chart's scope: there
`.Files` and `.Values` are that chart's, and of ours only `.Values.global` can be seen.
*/}}
{{- define "observability.taskLogs.podTemplate" -}}
{{- $file := "files/pod-template-file.kubernetes-helm-yaml" -}}
{{- $source := .Files.Get $file -}}
{{- if not $source -}}
{{- fail (printf "\n\nThe chart %s %s has no %s, the pod template to which the task log sidecar is added.\nSupported is the official Airflow chart 1.19.0. In Chart.yaml, set:\n\n  dependencies:\n    - name: airflow\n      version: 1.19.0\n" .Chart.Name .Chart.Version $file) -}}
{{- end -}}
{{- $rendered := tpl $source . -}}
{{- if .Values.global.taskLogs.enabled -}}
{{- include "observability.taskLogs.checkOfficialChart" . -}}
{{- $pod := $rendered | fromYaml -}}
{{- with $pod.Error -}}
{{- fail (printf "\n\nThe pod template is not YAML, perhaps because of a value under airflow.workers: %s\n" .) -}}
{{- end -}}
{{- include "observability.taskLogs.addSidecar" (dict "pod" $pod "context" . "airflowVersion" .Values.airflowVersion "imageUser" .Values.uid) -}}
{{- else -}}
{{- $rendered -}}
{{- end -}}
{{- end -}}

{{/*
Refuses settings of the official chart with which logs would be lost in silence.
Input: the root of the official chart's scope.
*/}}
{{- define "observability.taskLogs.checkOfficialChart" -}}
{{- if .Values.logs.persistence.enabled -}}
{{- fail "\n\nWith airflow.logs.persistence.enabled all task pods share one log volume, and each pod's sidecar would ship the logs of all.\nKeep one of the two:\n\n  airflow:\n    logs:\n      persistence:\n        enabled: false\n\nor\n\n  global:\n    taskLogs:\n      enabled: false\n" -}}
{{- end -}}
{{- if .Values.multiNamespaceMode -}}
{{- fail "\n\nWith airflow.multiNamespaceMode task pods run in other namespaces, where the sidecar's ConfigMap is not.\nKeep one of the two:\n\n  airflow:\n    multiNamespaceMode: false\n\nor\n\n  global:\n    taskLogs:\n      enabled: false\n" -}}
{{- end -}}
{{- $logging := .Values.config.logging | default dict -}}
{{- if eq (get $logging "delete_local_logs" | toString | lower) "true" -}}
{{- fail "\n\nWith airflow.config.logging.delete_local_logs Airflow may remove a log file before the sidecar has read its end.\nKeep one of the two:\n\n  airflow:\n    config:\n      logging:\n        delete_local_logs: 'False'\n\nor\n\n  global:\n    taskLogs:\n      enabled: false\n" -}}
{{- end -}}
{{- $template := $logging.log_filename_template | default "attempt=" -}}
{{- $folder := $logging.base_log_folder | default "" -}}
{{- $mounted := printf "%s/logs" .Values.airflowHome -}}
{{- if or (not (contains "attempt=" $template)) (not (has $folder (list "" $mounted))) -}}
{{- fail (printf "\n\nThe sidecar finds task logs at %s/.../attempt=<n>.log, Airflow's default, but airflow.config.logging puts them elsewhere.\nRemove log_filename_template and base_log_folder there, or turn the sidecar off:\n\n  global:\n    taskLogs:\n      enabled: false\n" $mounted) -}}
{{- end -}}
{{- end -}}

{{/*
A pod with the sidecar added: first of the init containers, so that it runs before every other one.

Input: dict
  "pod"             the parsed Pod
  "context"         the root of the chart in whose scope it is rendered (Release, Values.global)
  "airflowVersion"  version of Airflow, such as "3.1.7"
  "imageUser"       user id of the Airflow image, for a pod that names none
*/}}
{{- define "observability.taskLogs.addSidecar" -}}
{{- $context := .context -}}
{{- $spec := .pod.spec | default dict -}}
{{- if semverCompare "<2.9.0-0" .airflowVersion -}}
{{- fail (printf "\n\nAirflow %s drops the field that makes the task log sidecar a sidecar (restartPolicy, Kubernetes client < 29), and tasks would never start.\nUse Airflow 2.9 or newer, or turn the sidecar off:\n\n  global:\n    taskLogs:\n      enabled: false\n" .airflowVersion) -}}
{{- end -}}

{{- $base := dict -}}
{{- range $spec.containers -}}
{{- if eq .name "base" -}}{{- $base = . -}}{{- end -}}
{{- end -}}
{{- $logsMount := dict -}}
{{- range $base.volumeMounts -}}
{{- if eq .name "logs" -}}{{- $logsMount = . -}}{{- end -}}
{{- end -}}
{{- if not $logsMount -}}
{{- fail "\n\nThe pod template has no container `base` with a volume mount named `logs`, so there are no task logs to ship.\nMount the volume, or turn the sidecar off:\n\n  global:\n    taskLogs:\n      enabled: false\n" -}}
{{- end -}}

{{- $timeout := include "observability.taskLogs.drainTimeoutSeconds" (dict "settings" $context.Values.global.taskLogs "airflowVersion" .airflowVersion) | int -}}
{{- $grace := hasKey $spec "terminationGracePeriodSeconds" | ternary $spec.terminationGracePeriodSeconds 30 | int -}}
{{- if ge $timeout $grace -}}
{{- fail (printf "\n\nThe drain of task logs may take %d s, but the task pod is killed after its grace period of %d s.\nSet:\n\n  airflow:\n    workers:\n      terminationGracePeriodSeconds: %d\n" $timeout $grace (add $timeout 5)) -}}
{{- end -}}

{{- /* Of a pod that runs as root the sidecar reads the logs as another user: Kubernetes would not start it as root. */ -}}
{{- $podUser := dig "securityContext" "runAsUser" nil $spec -}}
{{- $runAsUser := kindIs "invalid" $podUser | ternary .imageUser $podUser -}}
{{- if eq (toString $runAsUser) "0" -}}{{- $runAsUser = 50000 -}}{{- end -}}
{{- $sidecar := include "observability.taskLogs.container" (dict "context" $context "logsMount" $logsMount "runAsUser" $runAsUser "drainTimeoutSeconds" $timeout) | fromYaml -}}
{{- $volumes := include "observability.taskLogs.volumes" $context | fromYamlArray -}}
{{- /* Celery's overlay may have put ours in already: it uses the same lists of the official chart. */ -}}
{{- $ours := list $sidecar.name -}}
{{- range $volumes -}}{{- $ours = append $ours .name -}}{{- end -}}
{{- $initContainers := list $sidecar -}}
{{- range $spec.initContainers -}}
{{- if not (has .name $ours) -}}{{- $initContainers = append $initContainers . -}}{{- end -}}
{{- end -}}
{{- $allVolumes := list -}}
{{- range $spec.volumes -}}
{{- if not (has .name $ours) -}}{{- $allVolumes = append $allVolumes . -}}{{- end -}}
{{- end -}}
{{- $_ := set $spec "initContainers" $initContainers -}}
{{- $_ := set $spec "volumes" (concat $allVolumes $volumes) -}}
{{- if $context.Values.global.taskLogs.captureOutput.enabled -}}
{{- include "observability.taskLogs.captureOutput" (dict "base" $base "logsPath" $logsMount.mountPath "settings" $context.Values.global.taskLogs.captureOutput) -}}
{{- end -}}
{{- toYaml .pod -}}
{{- end -}}

{{/*
Lets capture-output.sh run the container's entrypoint. A missing ConfigMap does not keep the task from
running. Airflow sets the arguments, and with no command of the container's own the image's entrypoint
must be named, because Kubernetes has no other way to put something before it.

Input: dict "base" <container, changed in place> "logsPath" <mount path of its logs> "settings" <captureOutput>
*/}}
{{- define "observability.taskLogs.captureOutput" -}}
{{- $program := "/etc/task-logs/capture-output.sh" -}}
{{- $launch := printf "if [ -r %s ]; then exec /bin/sh %s \"$@\"; fi; shift; exec \"$@\"" $program $program -}}
{{- $copy := printf "%s/.output/output.log" .logsPath -}}
{{- $entrypoint := .base.command | default .settings.entrypoint -}}
{{- $_ := set .base "command" (concat (list "/bin/sh" "-c" $launch "sh" $copy) $entrypoint) -}}
{{- $_ := set .base "volumeMounts" (append .base.volumeMounts (dict "name" "task-logs-config" "mountPath" "/etc/task-logs" "readOnly" true)) -}}
{{- end -}}
