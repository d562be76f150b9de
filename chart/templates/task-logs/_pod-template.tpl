{{/*
The official chart's own pod template with the sidecar added; everything else stays as it is.

The wrapper's values.yaml includes this template in `airflow.podTemplate`, which the official chart
evaluates. So the scope is the official chart: `.Files` and `.Values` are the official chart's, and of this
chart's values only `.Values.global` is visible.
*/}}
{{- define "observability.taskLogs.podTemplate" -}}
{{- $file := "files/pod-template-file.kubernetes-helm-yaml" -}}
{{- $source := .Files.Get $file -}}
{{- if not $source -}}
{{- fail (printf "\n\nThe chart %s %s has no %s, the pod template to which the sidecar for task logs is added.\nThe official Airflow chart 1.19.0 has it. In Chart.yaml, set:\n\n  dependencies:\n    - name: airflow\n      version: 1.19.0\n" .Chart.Name .Chart.Version $file) -}}
{{- end -}}
{{- $rendered := tpl $source . -}}
{{- $pod := $rendered | fromYaml -}}
{{- if .Values.global.taskLogs.enabled -}}
{{- include "observability.taskLogs.checkOfficialChart" . -}}
{{- with $pod.Error -}}
{{- fail (printf "\n\nThe official chart's pod template is not valid YAML with these values: %s\nCorrect the values below airflow.workers that contain templates ({{ ... }}); or, to see what the pod template looks like, turn the sidecar off:\n\n  global:\n    taskLogs:\n      enabled: false\n" .) -}}
{{- end -}}
{{- include "observability.taskLogs.addSidecar" (dict "pod" $pod "context" . "airflowVersion" .Values.airflowVersion "imageUser" .Values.uid) -}}
{{- else if $pod.Error -}}
{{- $rendered -}}
{{- else -}}
{{- /* What the lists of airflow.workers bring where task logs are off: see _long-lived-pods.tpl. */ -}}
{{- include "observability.taskLogs.removeEntries" (dict "spec" $pod.spec "names" (list "vector-off" "task-logs-config-off")) -}}
{{- toYaml $pod -}}
{{- end -}}
{{- end -}}

{{/*
Removes init containers and volumes from a pod.
Input: dict "spec" <spec of the pod, changed in place> "names" <names of what to remove>
*/}}
{{- define "observability.taskLogs.removeEntries" -}}
{{- range $list := list "initContainers" "volumes" -}}
{{- $kept := list -}}
{{- range get $.spec $list | default list -}}
{{- if not (has .name $.names) -}}{{- $kept = append $kept . -}}{{- end -}}
{{- end -}}
{{- $_ := set $.spec $list $kept -}}
{{- end -}}
{{- end -}}

{{/*
The sidecar's place among the other init containers: first, so that it also runs while they do, but after each native
sidecar. The kubelet stops native sidecars in the reverse order of their start, and the drain needs the network that one
of them may provide, such as the proxy of a service mesh:
https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/#pod-lifecycle
Input: <list of the other init containers>
*/}}
{{- define "observability.taskLogs.place" -}}
{{- $place := 0 -}}
{{- range $index, $container := . -}}
{{- if eq (toString $container.restartPolicy) "Always" -}}{{- $place = add1 $index -}}{{- end -}}
{{- end -}}
{{- $place -}}
{{- end -}}

{{/*
Refuses settings of the official chart with which logs would be lost without notice.
The scope is the official chart.
*/}}
{{- define "observability.taskLogs.checkOfficialChart" -}}
{{- if .Values.logs.persistence.enabled -}}
{{- fail "\n\nWith airflow.logs.persistence.enabled all task pods share one volume for logs, and the sidecar of each pod would ship the logs of all pods.\nTurn one of the two off:\n\n  airflow:\n    logs:\n      persistence:\n        enabled: false\n\nor\n\n  global:\n    taskLogs:\n      enabled: false\n" -}}
{{- end -}}
{{- if .Values.multiNamespaceMode -}}
{{- fail "\n\nWith airflow.multiNamespaceMode task pods run in other namespaces, which do not have the sidecar's ConfigMap.\nTurn one of the two off:\n\n  airflow:\n    multiNamespaceMode: false\n\nor\n\n  global:\n    taskLogs:\n      enabled: false\n" -}}
{{- end -}}
{{- end -}}

{{/*
A pod with the sidecar added, at the place of observability.taskLogs.place.

Input: dict
  "pod"             the parsed Pod
  "context"         the root of the chart in whose scope it is rendered (Release, Values.global)
  "airflowVersion"  version of Airflow, such as "3.1.7"
  "imageUser"       user id of the Airflow image, for a pod that names none
  "setGrace"        for a message: how to set the pod's grace period, with %d for the seconds; without it the
                    grace period is not looked at
*/}}
{{- define "observability.taskLogs.addSidecar" -}}
{{- $context := .context -}}
{{- $spec := .pod.spec | default dict -}}
{{- if semverCompare "<2.9.0-0" .airflowVersion -}}
{{- fail (printf "\n\nAirflow %s would remove the field restartPolicy from the sidecar, because its Kubernetes client is older than 29. The sidecar would be an ordinary init container that never ends, and no task would start.\nUse Airflow 2.9 or newer, or turn the sidecar off:\n\n  global:\n    taskLogs:\n      enabled: false\n" .airflowVersion) -}}
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
{{- fail "\n\nThe sidecar cannot find the task's logs: the pod template has no container `base` with a volume mount named `logs`.\nAdd the volume mount, or turn the sidecar off:\n\n  global:\n    taskLogs:\n      enabled: false\n" -}}
{{- end -}}

{{- $timeout := include "observability.taskLogs.drainTimeoutSeconds" (dict "settings" $context.Values.global.taskLogs "airflowVersion" .airflowVersion) | int -}}
{{- $grace := hasKey $spec "terminationGracePeriodSeconds" | ternary $spec.terminationGracePeriodSeconds 30 | int -}}
{{- if and .setGrace (ge $timeout $grace) -}}
{{- fail (printf "\n\nThe drain of task logs may take %d s, but a task pod is killed after its grace period of %d s.\n%s\n" $timeout $grace (printf .setGrace (add $timeout 5))) -}}
{{- end -}}

{{- /* The sidecar runs as the user of the pod, who may read the logs, but never as root: with runAsNonRoot
Kubernetes would not start it. 50000 is the user of the Airflow image. */ -}}
{{- $imageUser := eq (include "observability.pods.idsAreAssigned" $context) "true" | ternary nil .imageUser -}}
{{- $podUser := dig "securityContext" "runAsUser" nil $spec -}}
{{- $runAsUser := kindIs "invalid" $podUser | ternary $imageUser $podUser -}}
{{- if eq (toString $runAsUser) "0" -}}{{- $runAsUser = 50000 -}}{{- end -}}
{{- $sidecar := include "observability.taskLogs.container" (dict "context" $context "logsMount" $logsMount "runAsUser" $runAsUser "drainTimeoutSeconds" $timeout "startMarked" true) | fromYaml -}}
{{- $_ := set $base "volumeMounts" (append $base.volumeMounts (include "observability.taskLogs.startMark" . | fromYaml)) -}}
{{- $volumes := include "observability.taskLogs.volumes" $context | fromYamlArray -}}
{{- /* The pod may have the sidecar and its volumes already: the wrapper adds them to airflow.workers, for
Celery workers, and the official chart uses these lists for this pod template as well. */ -}}
{{- $reserved := include "observability.taskLogs.reservedNames" . | fromYaml -}}
{{- include "observability.taskLogs.removeEntries" (dict "spec" $spec "names" (concat $reserved.containers $reserved.volumes)) -}}
{{- $others := $spec.initContainers | default list -}}
{{- $place := include "observability.taskLogs.place" $others | int -}}
{{- $all := append $others $sidecar -}}
{{- $_ := set $spec "initContainers" (concat (slice $all 0 $place) (list $sidecar) (slice $all $place | initial)) -}}
{{- $_ := set $spec "volumes" (concat $spec.volumes $volumes) -}}
{{- with concat ($spec.imagePullSecrets | default list) (include "observability.imagePullSecrets" $context | fromYamlArray) -}}
{{- $_ := set $spec "imagePullSecrets" (uniq .) -}}
{{- end -}}
{{- if $context.Values.global.taskLogs.captureOutput.enabled -}}
{{- include "observability.taskLogs.captureOutput" (dict "base" $base "logsPath" $logsMount.mountPath "settings" $context.Values.global.taskLogs.captureOutput) -}}
{{- end -}}
{{- toYaml .pod -}}
{{- end -}}

{{/*
Makes the container's command start capture-output.sh, which runs the entrypoint.

Airflow sets the container's arguments. A container without a command of its own runs the entrypoint of
its image, which a command replaces; so the values have to name the entrypoint.

Input: dict "base" <container, changed in place> "logsPath" <mount path of its logs> "settings" <captureOutput>
*/}}
{{- define "observability.taskLogs.captureOutput" -}}
{{- $capture := include "observability.taskLogs.capture" . | fromYaml -}}
{{- $entrypoint := .base.command | default .settings.entrypoint -}}
{{- $_ := set .base "command" (concat $capture.command (list (printf "%s%s" .logsPath $capture.copy)) $entrypoint) -}}
{{- $_ := set .base "volumeMounts" (append .base.volumeMounts $capture.mount) -}}
{{- end -}}
