"""The configuration of Grafana Alloy: the same labels, levels and redaction as the Vector agent."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from airflow_platform.component_logs import alloy
from airflow_platform.component_logs.references import DIRECTORY
from airflow_platform.support import strict_yaml

from ..task_logs.redaction_corpus import HARMLESS, SECRETS
from ..task_logs.test_redaction import HEADER, lines, redact
from .printed import AFTER_IT, LINES, TRACEBACK

FOLDER = DIRECTORY / "alloy"
FILES = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.alloy")}
WAY = ["records", "redact", "labels"]  # the loki.process blocks, in the order of a line's way

Through = Callable[..., list[dict[str, Any]]]


@pytest.fixture(scope="module")
def through_alloy(program: Callable[[str], Path]) -> Through:
    """Send lines through loki.process blocks; the labels are those that targets have."""
    binary = program("alloy-stages")

    def run(
        texts: Sequence[str],
        way: Sequence[str] = WAY,
        files: Mapping[str, str] = FILES,
        **labels: str,
    ) -> list[dict[str, Any]]:
        target = {"job": "airflow-components", "namespace": "airflow", **labels}
        asked = [{"text": text, "labels": target} for text in texts]
        request = json.dumps({"files": files, "run": way, "lines": asked})
        done = subprocess.run([binary], input=request, capture_output=True, text=True, check=True)
        answer = json.loads(done.stdout)
        assert not answer["error"], answer["error"]
        found: list[dict[str, Any]] = answer["lines"]
        return found

    return run


@pytest.mark.parametrize("name", LINES)
def test_a_line_has_the_level_that_it_has_with_vector(through_alloy: Through, name: str) -> None:
    line = LINES[name]
    labels = {"component": line.component, "container": line.container}
    [made] = through_alloy([line.text], **labels, release="airflow", pod="p-0", node="node-1")
    assert made["text"] == line.text
    assert made["metadata"].pop("level", "") == line.level
    assert made["metadata"] == {"release": "airflow", "pod": "p-0", "node": "node-1"}
    assert made["labels"] == {"job": "airflow-components", "namespace": "airflow", **labels}


def test_a_traceback_is_one_event_with_the_record_before_it(through_alloy: Through) -> None:
    made = through_alloy([*TRACEBACK, AFTER_IT])
    assert [each["text"] for each in made] == ["\n".join(TRACEBACK), AFTER_IT]
    assert [each["metadata"]["level"] for each in made] == ["error", "info"]


def test_both_agents_know_the_same_lines_of_a_traceback() -> None:
    vector = strict_yaml.load_file(DIRECTORY / "vector" / "vector.yaml")
    [theirs] = re.findall(r"r'\^\(\?:(.*)\)'", vector["transforms"]["records"]["starts_when"])
    [ours] = re.findall(r"expression = `\^\((.*)\)`\n +replace", FILES["config.alloy"])
    assert ours == theirs


def test_text_is_redacted_exactly_as_task_logs_are(through_alloy: Through) -> None:
    texts = [HEADER + secret.text for secret in SECRETS if not secret.keys]
    texts += [HEADER + text for text in HARMLESS]
    made = through_alloy(texts, ["redact"])
    differences = [
        (each["text"], want)
        for each, text in zip(made, texts, strict=True)
        if each["text"] != (want := redact(text)[0])
    ]
    assert differences == []


def test_of_json_only_secrets_in_text_of_several_lines_or_in_escapes_stay(
    through_alloy: Through,
) -> None:
    """The figures of docs/component-logs.md. Vector looks at each string without its escapes."""
    cases = [(line, secret) for secret in SECRETS for line in lines(secret) if line.startswith("{")]
    made = through_alloy([line for line, _ in cases], ["redact"])
    shown = [
        secret
        for each, (_, secret) in zip(made, cases, strict=True)
        if any(hidden in each["text"] for hidden in secret.hidden)
    ]
    assert len(shown) / len(cases) < 0.07


@pytest.mark.parametrize(
    ("rust", "re2"),
    [
        (r"(?i-u:a)(?-u:\b)(?u:b)", r"(?i:a)(?:\b)(?:b)"),
        (r"(?u-i:a)(?-i:b)(?:c)", r"(?-i:a)(?-i:b)(?:c)"),
    ],
)
def test_flags_for_unicode_are_left_out(rust: str, re2: str) -> None:
    assert alloy._re2(rust) == re2


@pytest.mark.parametrize(
    ("pattern", "without"),
    [
        ("(a)(?:b)", "(?:a)(?:b)"),
        (r"\((a)[(]", r"\((?:a)[(]"),
        (r"[]()]([^](])", r"[]()](?:[^](])"),
        (r"(?i:(a))", r"(?i:(?:a))"),
    ],
)
def test_no_group_is_left(pattern: str, without: str) -> None:
    assert alloy._without_groups(pattern) == without


def test_a_pattern_with_a_backquote_is_refused() -> None:
    with pytest.raises(ValueError, match="x60"):
        alloy._raw("a`b")
