{{/*
Adds volumes of ConfigMaps to the pods of Airflow that read DAGs, run tasks or watch them, beside those of the user's
own lists, which would replace lists in values.yaml. It changes the values of the official chart in place, so it is
for templates that Helm renders before those of the official chart: Helm renders the files that are deepest first.

Input: dict
  "airflow"  the values of the official chart
  "volumes"  list of dicts: name, configMap, mountPath, and perhaps items
*/}}
{{- define "airflow-platform.volumes.add" -}}
{{- $airflow := .airflow -}}
{{- $volumes := list -}}
{{- $mounts := list -}}
{{- range $volume := .volumes -}}
{{- /* Optional: a pod must start without it. */ -}}
{{- $configMap := dict "name" $volume.configMap "optional" true -}}
{{- with $volume.items }}{{ $_ := set $configMap "items" . }}{{ end -}}
{{- $volumes = append $volumes (dict "name" $volume.name "configMap" $configMap) -}}
{{- $mounts = append $mounts (dict "name" $volume.name "mountPath" $volume.mountPath "readOnly" true) -}}
{{- end -}}
{{- $all := list $airflow.scheduler $airflow.dagProcessor $airflow.triggerer $airflow.workers -}}
{{- $celery := $airflow.workers.celery | default dict -}}
{{- range $owner := concat $all (list $celery) ($celery.sets | default list) -}}
{{- range $key, $entries := dict "extraVolumes" $volumes "extraVolumeMounts" $mounts -}}
{{- $own := get $owner $key | default list -}}
{{- /* Celery workers and their sets have the lists of `workers`, or lists of their own. */ -}}
{{- if or (hasKey $owner $key) (has $owner $all) -}}
{{- /* A list that was pasted from a message has the entries already. */ -}}
{{- range $entry := $entries -}}
{{- if not (has $entry $own) -}}{{- $own = append $own $entry -}}{{- end -}}
{{- end -}}
{{- $_ := set $owner $key $own -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
