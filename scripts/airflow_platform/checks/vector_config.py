"""What must be true of Vector's configuration, so that it delivers every line, and only once."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from airflow_platform.checks.facts import MISSING, Facts, at, contradictions
from airflow_platform.checks.violations import CHECKS, Fault, is_ours
from airflow_platform.manifests import EmbeddedDocument, Render
from airflow_platform.support.project import ADDON

_DATA = "/var/lib/vector"
_SOURCE: Facts = {
    "data_dir": (_DATA, "drain.sh reads Vector's checkpoints there"),
    "healthchecks enabled": (False, "it is a request for each pod that nothing waits for"),
    "sources task_logs type": ("file", "the drain compares files with what was delivered of them"),
    "sources task_logs include": (
        (
            "/opt/airflow/logs/**/attempt=*.log*",
            "/opt/airflow/logs/dag_processor/**/*.log",
            "/opt/airflow/logs/dag_processor_manager/**/*.log",
            "/opt/airflow/logs/scheduler/**/*.log",
            f"{_DATA}/tails/**/*.log*",
        ),
        "these are the files that drain.sh compares",
    ),
    "sources task_logs exclude": ((), "drain.sh fills in what Vector must not open"),
    "sources task_logs read_from": ("beginning", "a task writes before Vector is up"),
    "sources task_logs fingerprint strategy": (
        "device_and_inode",
        "a checksum takes two attempts with the same first line for one file",
    ),
    "sources task_logs glob_minimum_cooldown_ms": (100, "it is how often checkpoints are written"),
    "sources task_logs max_read_bytes": (
        262144,
        "drain.sh waits as if it were this (MAX_READ_BYTES)",
    ),
    "sources task_logs offset_key": ("offset", "it tells two equal lines apart"),
    "sources task_logs multiline mode": ("halt_before", "a record ends where the next one begins"),
    "sources task_logs multiline timeout_ms": (250, "Airflow writes a record at once"),
}
_LOKI: Facts = {
    "type": ("loki", "the sink of this name is the one whose acknowledgements count"),
    "inputs": (("fields",), "it is the last step, which builds labels and metadata"),
    "encoding codec": ("text", "the line stays as Airflow wrote it"),
    "labels *": ("{{ labels }}", "the step `fields` builds them"),
    "structured_metadata *": ("{{ structured_metadata }}", "the step `fields` builds it"),
    "out_of_order_action": ("accept", "lines of two files come in any order"),
    "acknowledgements enabled": (True, "a checkpoint is what Loki has accepted"),
    "buffer type": ("memory", "a buffer on disk acknowledges before Loki has the line"),
    "buffer max_events": (500, "more would be memory, for the file is the buffer"),
    "buffer when_full": ("block", "what is dropped here would count as delivered"),
    "request retry_initial_backoff_secs": (1, "a longer wait would use up the drain's deadline"),
    "request retry_max_duration_secs": (5, "a longer wait would use up the drain's deadline"),
}
# The steps up to `parse`, and what they read: lines that can have a secret go through `redact`.
_REDACTION = {
    "suspicious": ("task_logs",),
    "redact": ("suspicious.secrets",),
    "parse": ("suspicious._unmatched", "redact"),
}
# Fields by which lines are counted, and the steps that set them.
_COUNTED = {"redacted": "redact", "unrecognised": "parse"}
_SINKS = ("loki", "redaction_count", "unrecognised_count", "internal_metrics_exporter")


def _count(field: str) -> Facts:
    return {
        "type": ("file", "drain.sh counts its lines"),
        "inputs": ((field,), "only the lines with this field count"),
        "path": (f"{_DATA}/{field}", "drain.sh counts the lines of this file"),
        "encoding codec": ("csv", "it is one line for each event, whatever the event holds"),
        "encoding csv fields": ((field,), "it must not hold the line itself"),
    }


_INTERNAL: Facts = {
    "sources internal_metrics type": ("internal_metrics", "it is what Vector says about itself"),
    "sinks internal_metrics_exporter type": ("prometheus_exporter", "the PodMonitor scrapes it"),
    "sinks internal_metrics_exporter inputs": (("internal_metrics",), "it is all it serves"),
}
# Records of Airflow 2, by their headers, and what ends one: another header, or a record in JSON.
_AIRFLOW_2 = "[2026-11-21T08:06:43.123+0000] {probe.py:19} INFO - text"
_AIRFLOW_3 = '{"timestamp":"2026-11-21T08:06:43.123456Z","event":"text"}'
_FORMATS = (
    _AIRFLOW_2,
    "[2026-11-21T08:06:43.123+0000] {probe.py:19} Level 55 - text",
    "2026-11-21 08:06:43,123 probe.py:19 INFO - text",
    f"\0\0{_AIRFLOW_2}",
)
_JSON = (_AIRFLOW_3, '{"asctime": "2026-11-21T08:06:43.123+0000", "message": "text"}')
_OTHERS = ("Traceback (most recent call last):", "", "  File x, line 1", f" {_AIRFLOW_2}")


def _ours(render: Render) -> Iterator[EmbeddedDocument]:
    for configuration in render.embedded("VectorConfig"):
        if is_ours(configuration.owner):
            yield configuration


@CHECKS.add
def vector_reads_every_line_of_every_log_file(render: Render) -> Iterator[Fault]:
    """Hold the file source to what drain.sh compares, and to what finds every line."""
    for configuration in _ours(render):
        for fault in contradictions(configuration.document, _SOURCE):
            yield configuration, fault


@CHECKS.add
def vector_keeps_records_together(render: Render) -> Iterator[Fault]:
    """Join the lines of a record of Airflow 2, its traceback, but never two records."""
    for configuration in _ours(render):
        patterns = {
            name: str(at(configuration.document, f"sources task_logs multiline {name}"))
            for name in ("start_pattern", "condition_pattern")
        }
        for name, begins in (
            ("start_pattern", dict.fromkeys(_FORMATS, True) | dict.fromkeys(_JSON, False)),
            ("condition_pattern", dict.fromkeys((*_FORMATS, *_JSON), True)),
        ):
            for line, wanted in {**begins, **dict.fromkeys(_OTHERS, False)}.items():
                if bool(re.search(patterns[name], line)) != wanted:
                    what = "must match" if wanted else "must not match"
                    yield configuration, f"sources.task_logs.multiline.{name} {what} {line!r}"


@CHECKS.add
def vector_delivers_every_line_to_loki(render: Render) -> Iterator[Fault]:
    """Hold the sink to acknowledgements and to retries without end."""
    for configuration in _ours(render):
        sinks = configuration.document.get("sinks") or {}
        for fault in contradictions(sinks.get("loki", {}), _LOKI):
            yield configuration, f"sinks.loki: {fault}"
        for sink, field in (
            ("redaction_count", "redacted"),
            ("unrecognised_count", "unrecognised"),
        ):
            if sink in sinks:
                for fault in contradictions(sinks[sink], _count(field)):
                    yield configuration, f"sinks.{sink}: {fault}"
        if (
            "internal_metrics_exporter" in sinks
            or at(configuration.document, "sources internal_metrics") is not MISSING
        ):
            for fault in contradictions(configuration.document, _INTERNAL):
                yield configuration, fault


@CHECKS.add
def inputs_name_a_step(render: Render) -> Iterator[Fault]:
    """Find the step behind each input: Vector does not start where one is missing."""
    for configuration in _ours(render):
        sources, transforms, sinks = (
            configuration.document.get(kind) or {} for kind in ("sources", "transforms", "sinks")
        )
        for kind, steps in (("transforms", transforms), ("sinks", sinks)):
            for id_, step in steps.items():
                inputs = step.get("inputs") or ()
                named = {each.partition(".")[0] for each in inputs}
                if not named or not named <= sources.keys() | transforms.keys():
                    yield configuration, f"{kind}.{id_}: inputs must name steps, not {inputs}"


_LEVELS = re.compile(r'!includes\(\[("debug"(,"info"(,"warning"(,"error")?)?)?)?\], \.level\)')
# In braces, or Vector would build the automaton of this expression anew for each batch of lines.
_GATE = re.compile(r"^match\(line, \{ r'.+' \}\)", re.M)
_CHAIN = ("level",)  # those that are on, in this order; then the user's own
_END = ("split", "fields")
_FILES = {"redact": ("redact.vrl",), "split": ("split.vrl",)}
# The programs of `parse` in the order in which they run; all but parse.vrl depend on settings.
_PARSE = ("record-format.vrl", "parse.vrl", "author-keys.vrl")


@CHECKS.add
def a_line_passes_every_step_once(render: Render) -> Iterator[Fault]:
    """Follow the inputs back from Loki: a step that is left out would lose what it does."""
    for configuration in _ours(render):
        transforms = configuration.document.get("transforms") or {}
        chain = list(_chain(transforms, "fields"))
        users_own = [id_ for id_ in chain if id_ not in (*_CHAIN, *_END, "parse")]
        present = [id_ for id_ in _CHAIN if id_ in transforms]
        wanted = ["parse", *present, *users_own, *_END]
        if chain != wanted:
            yield configuration, f"a line must pass {wanted}, and passes {chain}"
        side = set(transforms) - set(chain) - _COUNTED.keys() - _REDACTION.keys()
        if side:
            yield configuration, f"no line passes {', '.join(sorted(side))}"
        redaction = _REDACTION if "redacted" in transforms else {"parse": ("task_logs",)}
        for id_, inputs in redaction.items():
            found = (transforms.get(id_) or {}).get("inputs")
            if found != inputs:
                yield configuration, f"transforms.{id_} must read {inputs}, and reads {found}"
        yield from _steps(configuration, transforms)


def _steps(
    configuration: EmbeddedDocument, transforms: Mapping[str, Mapping[str, Any]]
) -> Iterator[Fault]:
    for id_, transform in transforms.items():
        if id_ in (*_END, "parse", "redact"):
            facts: Facts = {
                "type": ("remap", "the step is a VRL program"),
                "drop_on_abort": (False, "no program of ours may drop a line"),
            }
            for fault in contradictions(transform, facts):
                yield configuration, f"transforms.{id_}: {fault}"
        files = transform.get("files") or tuple(filter(None, [transform.get("file")]))
        if id_ in _FILES and files != _FILES[id_]:
            yield configuration, f"transforms.{id_} must run {', '.join(_FILES[id_])}"
    programs = tuple(at(configuration.document, "transforms parse files") or ())
    wanted = tuple(name for name in _PARSE if name in configuration.owner.at("data"))
    if programs != wanted:
        yield configuration, f"transforms.parse must run {', '.join(wanted)}"
    for field in _COUNTED.keys() & transforms.keys():
        step = _COUNTED[field]
        counted: Facts = {
            f"{field} type": ("filter", "it passes on the lines that are counted"),
            f"{field} inputs": ((step,), "it counts before anything is filtered"),
            f"{field} condition": (f"exists(.{field})", f"the step `{step}` sets this field"),
        }
        for fault in contradictions(transforms, counted):
            yield configuration, f"transforms: {fault}"
    if "suspicious" in transforms:
        if transforms["suspicious"].get("type") != "route":
            yield configuration, "transforms.suspicious must be a route"
        gate = at(configuration.document, "transforms suspicious route secrets")
        if not _GATE.search(str(gate)):
            yield configuration, "transforms.suspicious must let lines with secrets through"
    if "level" in transforms:
        condition = transforms["level"].get("condition", "")
        if transforms["level"].get("type") != "filter" or not _LEVELS.fullmatch(condition):
            yield configuration, f"transforms.level must drop levels from debug up: {condition}"


def _chain(transforms: Mapping[str, Mapping[str, Any]], last: str) -> Iterator[str]:
    match (transforms.get(last) or {}).get("inputs"):
        case (before,) if last not in (before, "parse"):
            yield from _chain(transforms, before)
    yield last


@CHECKS.add
def labels_and_metadata_say_whose_line_it_is(render: Render) -> Iterator[Fault]:
    """Keep what tells lines apart, and absent values out: Vector would print them as <null>."""
    for configuration in _ours(render):
        source = str(at(configuration.document, "transforms fields source"))
        for field in ("labels", "structured_metadata"):
            if not re.search(rf"^\.{field} = compact\(\{{.*\}}\)$", source, re.MULTILINE):
                yield configuration, f"transforms.fields must set .{field} to a compact object"
        if not re.search(
            r"^\.structured_metadata = .*\"offset\": \.offset\b", source, re.MULTILINE
        ):
            yield configuration, "transforms.fields must keep offset: it tells equal lines apart"
        for name, path in re.findall(r'"([^"]+)": \.(\w+)', source):
            if name != path:
                yield configuration, f"transforms.fields gives {name} the value of {path}"


# Places of redact.vrl that the chart fills in.
_FILLED_IN = re.compile(
    r"(?:GATE|TOKENS|MARKS)(?=')|# (?:OWN GATES|PARTS|PATTERNS FOR JSON|PATTERNS)$", re.M
)


def _is_program(text: str, file: str) -> bool:
    """Say whether ``text`` is the program ``file``, but for the places that the chart fills in."""
    pieces = _FILLED_IN.split(file.strip())
    pattern = ".*".join(re.escape(piece) for piece in pieces)
    return re.fullmatch(pattern, text.strip(), re.S) is not None


def _users_own(vector: Mapping[str, Any]) -> set[str]:
    """Return the ids of the user's own steps, which may read what the task's author has added."""
    steps = set(_chain(vector.get("transforms") or {}, "fields")) | set(vector.get("sinks") or ())
    return steps - {"parse", *_CHAIN, *_END, *_SINKS}


@CHECKS.add
def programs_are_those_of_this_version(render: Render) -> Iterator[Fault]:
    """Compare the programs of the sidecar with those that were tested."""
    for configuration in _ours(render):
        data = configuration.owner.at("data")
        for file in sorted((ADDON / "files" / "task-logs").iterdir()):
            if file.suffix not in (".sh", ".awk", ".vrl"):
                continue
            if file.name == "author-keys.vrl" and not _users_own(configuration.document):
                continue  # there is nobody who would read these keys
            if file.name not in data:
                yield configuration.owner, f"has no {file.name}"
            elif not _is_program(data[file.name], file.read_text(encoding="utf-8")):
                yield configuration.owner, f"{file.name} is not the one of this version"
