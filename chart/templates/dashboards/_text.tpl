{{/*
The text of a dashboard of files/dashboards, for this release: with the address of Airflow, and with queries for Loki
that find task_id and dag_id where they are. Only a label may stand in the braces of a query; a filter behind them
reads structured metadata too, but all lines of the namespace with it. The same text is in queries and, encoded, in
links to Explore.
Input: dict "context" . "text" <the content of the file>
*/}}
{{- define "observability.dashboards.text" -}}
{{- $text := .text | trim | replace "http://localhost:8080" .context.Values.dashboards.airflowUrl -}}
{{- $labels := .context.Values.global.taskLogs.labelFields -}}
{{- if not (and (has "task_id" $labels) (has "dag_id" $labels)) -}}
  {{- $text = $text | replace `dag_id!=\"\",task_id=~\"$task_id\"}` `dag_id!=\"\"} | task_id=~\"$task_id\"` -}}
  {{- $text = $text | replace `%2Ctask_id%3D~%60${task_id:pipe}%60}` `}%20%7C%20task_id%3D~%60${task_id:pipe}%60` -}}
{{- end -}}
{{- if not (has "dag_id" $labels) -}}
  {{- $text = $text | replace `{namespace=\"$namespace\",dag_id=~\"$dag_id\",dag_id!=\"\"}` `{namespace=\"$namespace\"} | dag_id=~\"$dag_id\" | dag_id!=\"\"` -}}
  {{- $text = $text | replace `%2Cdag_id%3D~%60${dag_id:pipe}%60%2Cdag_id%21%3D%60%60}` `}%20%7C%20dag_id%3D~%60${dag_id:pipe}%60%20%7C%20dag_id%21%3D%60%60` -}}
{{- end -}}
{{- $text -}}
{{- end -}}
