{{/*
The regular expression that each line with a secret of a known kind matches.
Input: the root context
*/}}
{{- define "observability.taskLogs.redactGate" -}}
{{- $gates := list -}}
{{- range (.Files.Get "files/task-logs/redaction-patterns.yaml" | fromYaml).patterns -}}
{{- if not (has .name $.Values.global.taskLogs.redaction.disabledPatterns) -}}
{{- $gates = append $gates .gate -}}
{{- end -}}
{{- end -}}
{{- uniq $gates | join "|" | default "[^\\s\\S]" -}}
{{- end -}}

{{/*
VRL that says whether one of the user's own patterns could match the variable `line`; empty without such patterns. A
pattern sees the strings of JSON without JSON's escapes, and can be about the start or the end of one.
Input: .Values.global.taskLogs.redaction.patterns
*/}}
{{- define "observability.taskLogs.redactOwnGates" -}}
{{- $gates := list -}}
{{- range $name, $pattern := . -}}
{{- $gates = append $gates (printf "match(line, r'%s')" $pattern) -}}
{{- if regexMatch "[$^]|\\[Az]" $pattern -}}{{- $gates = append $gates "starts_with(line, \"{\")" -}}{{- end -}}
{{- end -}}
{{- if $gates -}}
{{- prepend $gates "contains(line, \"\\\\\")" | join " || " -}}
{{- end -}}
{{- end -}}

{{/*
VRL that says whether a line can have a secret: the condition for the step `redact`. The line with `if` looks useless, but
makes a line twenty times as cheap: Vector copies this program for each batch of lines, and a regular expression that
VRL knows to be constant loses its automaton in the copy. One that is set twice is not constant, and is shared.
Input: the root context
*/}}
{{- define "observability.taskLogs.redactCondition" -}}
line = string(.message) ?? ""
gate = r'{{ include "observability.taskLogs.redactGate" . }}'
if line == "" { gate = r'^$' }
match(line, gate)
{{- with include "observability.taskLogs.redactOwnGates" .Values.global.taskLogs.redaction.patterns }} || {{ . }}{{ end -}}
{{- end -}}

{{/*
redact.vrl with the patterns of redaction-patterns.yaml and the user's own.
Input: the root context
*/}}
{{- define "observability.taskLogs.redactProgram" -}}
{{- $settings := .Values.global.taskLogs.redaction -}}
{{- $data := .Files.Get "files/task-logs/redaction-patterns.yaml" | fromYaml -}}
{{- $shared := list -}}
{{- range $name := list "harmless" "code" "prose" -}}
{{- $shared = append $shared (printf "%s = r'%s'" $name (include "observability.taskLogs.redactPattern" (dict "pattern" (printf "{%s}" $name) "parts" $data.parts))) -}}
{{- end -}}
{{- $forJson := list -}}
{{- $forText := list -}}
{{- range $kind := $data.patterns -}}
{{- if not (has $kind.name $settings.disabledPatterns) -}}
{{- $json := list -}}
{{- $text := list -}}
{{- range $kind.patterns -}}
{{- if .json -}}
{{- $json = append $json (include "observability.taskLogs.redactStatement" (dict "variable" "line" "pattern" . "parts" $data.parts)) -}}
{{- else -}}
{{- $text = append $text (include "observability.taskLogs.redactStatement" (dict "variable" "text" "pattern" . "parts" $data.parts)) -}}
{{- end -}}
{{- end -}}
{{- with $json -}}
{{- $forJson = append $forJson (include "observability.taskLogs.redactKind" (dict "variable" "line" "if" (printf "match(line, r'%s')" $kind.gate) "name" $kind.name "statements" .)) -}}
{{- end -}}
{{- with $text -}}
{{- $forText = append $forText (include "observability.taskLogs.redactKind" (dict "variable" "text" "if" (printf "listed && match(text, r'%s')" $kind.gate) "name" $kind.name "statements" .)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $own := list -}}
{{- range $name, $pattern := $settings.patterns -}}
{{- $statement := include "observability.taskLogs.redactStatement" (dict "variable" "text" "pattern" (dict "pattern" $pattern) "parts" dict) -}}
{{- $own = append $own (include "observability.taskLogs.redactKind" (dict "variable" "text" "if" "users" "name" $name "statements" (list $statement))) -}}
{{- end -}}
{{- $ownGates := include "observability.taskLogs.redactOwnGates" $settings.patterns -}}
{{- $ownGates = empty $ownGates | ternary "" (printf "own = %s" $ownGates) -}}
{{- .Files.Get "files/task-logs/redact.vrl"
  | replace "GATE'" (printf "%s'" (include "observability.taskLogs.redactGate" .))
  | replace "# OWN GATES" $ownGates
  | replace "# PARTS" (join "\n" $shared)
  | replace "# PATTERNS FOR JSON" (join "\n" $forJson | indent 2 | trim)
  | replace "# OWN PATTERNS" (join "\n" $own | indent 2 | trim)
  | replace "# PATTERNS" (join "\n" $forText | indent 2 | trim) -}}
{{- end -}}

{{/*
VRL that runs the statements of one kind of secret on a condition, and notes in `hits` that something was replaced.
Input: dict "variable" <name of the text's variable> "if" <condition> "name" <of the kind> "statements" <list>
*/}}
{{- define "observability.taskLogs.redactKind" -}}
if {{ .if }} {
  previous = {{ .variable }}
  {{ join "\n" .statements | indent 2 | trim }}
  if {{ .variable }} != previous { hits = set!(hits, [{{ .name | quote }}], true) }
}
{{- end -}}

{{/*
VRL that replaces what matches one pattern, but for matches that it keeps.
Input: dict "variable" <name of the text's variable> "pattern" <item of `patterns`> "parts" <parts of patterns>
*/}}
{{- define "observability.taskLogs.redactStatement" -}}
{{- $pattern := include "observability.taskLogs.redactPattern" (dict "pattern" .pattern.pattern "parts" .parts) -}}
{{- $replacement := .pattern.replacement | default "***" -}}
{{- if .pattern.keep -}}
{{- $conditions := list -}}
{{- range .pattern.keep -}}
{{- $name := regexFind "^{[a-z]+}$" . | trimAll "{}" -}}
{{- $regex := $name | default (printf "r'%s'" (include "observability.taskLogs.redactPattern" (dict "pattern" . "parts" $.parts))) -}}
{{- $conditions = append $conditions (printf "match(secret.string, %s)" $regex) -}}
{{- end -}}
pattern = r'{{ $pattern }}'
{{ .variable }} = replace_with({{ .variable }}, pattern) -> |secret| {
  if {{ join " || " $conditions }} { secret.string } else { replace(secret.string, pattern, {{ $replacement | quote }}) }
}
{{- else -}}
{{ .variable }} = replace({{ .variable }}, r'{{ $pattern }}', {{ $replacement | quote }})
{{- end -}}
{{- end -}}

{{/*
A pattern with its parts, which can have parts themselves.
Input: dict "pattern" <pattern> "parts" <parts by name>
*/}}
{{- define "observability.taskLogs.redactPattern" -}}
{{- $pattern := .pattern -}}
{{- range list 1 2 -}}
{{- range $name, $part := $.parts -}}
{{- $pattern = replace (printf "{%s}" $name) $part $pattern -}}
{{- end -}}
{{- end -}}
{{- $pattern -}}
{{- end -}}
