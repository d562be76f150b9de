"""Each mistake in a workflow is one clear problem, on its line."""

import json
import shutil
from pathlib import Path

import pytest

from airflow_platform import cli
from airflow_platform.support.project import ROOT

EXAMPLES = ROOT / "examples" / "workflows"

# What is written where, what is written instead, the rule and the line of the problem, and what it
# says.
MISTAKES = [
    ("extract-orders", "  image: registry", "  imge: registry", "unknown-key", 5, '"image"?'),
    ("extract-orders", "sales/extract:1.4.2", "sales/extract", "image", 5, "has no tag"),
    ("extract-orders", "extract:1.4.2", "extract:latest", "image", 5, "another image tomorrow"),
    ("load", "@sha256:0f1e", "@sha256:xx", "image", 5, "no digest"),
    (
        "extract-orders",
        "{{ params.execution",
        "{{ params.executon",
        "template",
        7,
        "execution_date",
    ),
    ("extract-orders", '"{{ ds }}"', '"{{ dss }}"', "template", 9, "{{ ds }}"),
    ("extract-orders", '"{{ ds }}"', '"{{ ds | upper }}"', "template", 9, "no template variable"),
    ("extract-orders", '"{{ ds }}"', '"{% if ds %}"', "template", 9, "no template variable"),
    ("extract-orders", "max_attempts: 3", "max_attempts: 0", "bad-value", 15, "at least 1"),
    ("extract-orders", "max_attempts: 3", "max_attemps: 3", "unknown-key", 15, "max_attempts"),
    ("extract-orders", 'delay: "5m"', "delay: 5", "bad-value", 15, "number and a unit"),
    ("extract-orders", 'delay: "5m"', "delay: 5 minutes", "bad-value", 15, "number and a unit"),
    ("extract-orders", "exponential", "constant", "retry", 15, "exponential"),
    ("extract-orders", "{secret: {name: shop", "{secrt: {name: shop", "unknown-key", 13, "secret"),
    ("extract-orders", "key: password", "kye: password", "missing-key", 13, "has no key"),
    ("extract-orders", "DB_HOST: {config", "DB-HOST: {config", "bad-name", 12, "letters, digits"),
    ("extract-orders", "    DB_HOST:", "    DB_PASSWORD:", "duplicate-key", 13, "there twice"),
    (
        "extract-orders",
        "DB_HOST: {",
        "API_TOKEN: abc\n    DB_HOST: {",
        "plain-secret",
        12,
        "secret: {",
    ),
    ("extract-orders", 'memory: "2Gi"', "memory: 2 GB", "bad-value", 14, "quantity"),
    ("extract-orders", "job:", "jobs:", "unknown-key", 2, "job"),
    ("extract-orders", "/v1", "/v2", "bad-value", 1, "workflow-orchestration/v1"),
    ("extract-orders", "[files]", "[file]", "output", 20, "no output"),
    ("extract-orders", "name: extract-orders", "name: transform", "duplicate-name", 3, "rename"),
    ("extract-orders", "command: [", "command: ", "yaml", 6, ""),
    ("transform", "limits: {memory: 4Gi}", "limits: {memory: 2Gi}", "resources", 8, "limit is 2Gi"),
    ("transform", "mount_path: /work", "mount_path: work", "bad-value", 11, "absolute path"),
    ("transform", ", scratch: 10Gi", "", "bad-value", 11, "claim, secret"),
    ("transform", "effect: NoSchedule", "effect: noschedule", "bad-value", 15, "NoSchedule"),
    ("extract-customers", '"{{ ds }}"]', '"{{ item }}"]', "template", 7, "for_each"),
    ("extract-customers", "{LOG_LEVEL: info}", "[LOG_LEVEL]", "bad-value", 9, "a mapping"),
    ("load", "name: load", "name: load it", "bad-name", 3, ""),
    ("workflow", "0 3 * * *", "0 3 30 2 *", "schedule", 7, "never"),
    ("workflow", "0 3 * * *", "0 25 * * *", "schedule", 7, "cron"),
    ("workflow", "0 3 * * *", "0 3 * *", "schedule", 7, "minute, hour"),
    ("workflow", "0 3 * * *", "@dayly", "schedule", 7, "@daily"),
    ("workflow", "Europe/Berlin", "Europe/Berln", "time-zone", 8, "IANA"),
    ("workflow", "2026-01-01", "2026-02-30", "date", 9, "no day"),
    ("workflow", "2026-01-01", "1.1.2026", "bad-value", 9, "YYYY-MM-DD"),
    ("workflow", "deadline: 6h", "deadlin: 6h", "unknown-key", 11, "deadline"),
    ("workflow", "load: [transform]", "load: [transfrm]", "unknown-job", 16, "transform"),
    ("workflow", "    load: [transform]", "    laod: [transform]", "unknown-job", 16, "load"),
    ("workflow", "transform: [extract-orders,", "transform: [load,", "cycle", 15, "wait for each"),
    ("workflow", "sales@example.com", "sales", "bad-value", 22, "address"),
    ("workflow", "max_attempts: 2", "attempts: 2", "unknown-key", 24, "max_attempts"),
]


@pytest.fixture
def workflows(tmp_path: Path) -> Path:
    return Path(shutil.copytree(EXAMPLES, tmp_path / "workflows"))


def _found(workflows: Path, capsys: pytest.CaptureFixture[str]) -> list[dict[str, str]]:
    cli.main(["jobs", "validate", str(workflows), "--output", "json"])
    found: list[dict[str, str]] = json.loads(capsys.readouterr().out)
    return found


def test_the_examples_have_no_problem(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["jobs", "validate", str(EXAMPLES)]) == 0
    assert capsys.readouterr().out == "workflows: 1, jobs: 5, errors: 0, warnings: 0\n"


@pytest.mark.parametrize(("name", "old", "new", "rule", "line", "says"), MISTAKES)
def test_a_mistake_is_named_on_its_line(
    workflows: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    old: str,
    new: str,
    rule: str,
    line: int,
    says: str,
) -> None:
    folder = workflows / "sales"
    file = folder / "workflow.yaml" if name == "workflow" else folder / "jobs" / f"{name}.yaml"
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    found = _found(workflows, capsys)
    assert any(
        (problem["rule"], problem["line"]) == (rule, line) and says in problem["message"]
        for problem in found
    ), found
