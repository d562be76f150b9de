"""The rules are valid, and each alert fires when it should and not when it should not."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from airflow_platform.manifests import Manifest
from airflow_platform.support import strict_yaml
from airflow_platform.support.frozen import thaw
from airflow_platform.support.project import ADDON

CASES = tuple(sorted(Path(__file__).parent.glob("*.test.yaml")))
THREE_REPLICAS = Path(__file__).parent / "three-replicas" / "replicas.test.yaml"

Rule = Mapping[str, Any]


def test_the_files_of_the_chart_are_valid_rules(promtool: Callable[..., str]) -> None:
    promtool("check", "rules", "--lint-fatal", *(ADDON / "files" / "alerts").glob("*.rules.yaml"))


def test_the_rendered_rules_are_valid(
    all_on: Manifest, promtool: Callable[..., str], tmp_path: Path
) -> None:
    rendered = tmp_path / "rendered.rules.yaml"
    rendered.write_text(json.dumps(thaw(all_on.at("spec"))), encoding="utf-8")
    promtool("check", "rules", "--lint-fatal", rendered)


@pytest.mark.parametrize("file", CASES, ids=lambda file: file.name.partition(".")[0])
def test_alerts_fire_when_they_should_and_only_then(
    file: Path, all_on: Manifest, unit_test: Callable[[Path, Manifest], None]
) -> None:
    unit_test(file, all_on)


def test_one_dead_replica_of_three_is_noticed(
    prometheus_rule: Callable[..., Manifest], unit_test: Callable[[Path, Manifest], None]
) -> None:
    replicas = {
        f"{component}ReplicasMissing": {"threshold": 3}
        for component in ("Scheduler", "Triggerer", "DagProcessor")
    }
    unit_test(THREE_REPLICAS, prometheus_rule({"alerts": replicas}))


def cases() -> Iterator[tuple[str, bool, set[str]]]:
    """Yield for each expectation the alert, whether it is to fire, and the metrics that it has."""
    for file in CASES:
        for case in strict_yaml.load_file(file)["tests"]:
            metrics = {series["series"].partition("{")[0] for series in case["input_series"]}
            for test in case["promql_expr_test"]:
                if alert := re.search(r'ALERTS{alertname="(\w+)"', test["expr"]):
                    yield alert[1], "exp_samples" in test, metrics


def test_each_alert_has_a_case_that_fires_it_and_one_that_does_not(
    raw_alerts: Mapping[str, Rule],
) -> None:
    tested: dict[bool, set[str]] = {True: set(), False: set()}
    for alert, fires, metrics in cases():
        # Whether the exporter is there is not what an alert is about: such a case says nothing.
        about = re.sub(r"(0 \* |and on \(\)\s+)\w+\(statsd\w+", "", raw_alerts[alert]["expr"])
        if any(re.search(rf"\b{metric}\b", about) for metric in metrics):
            tested[fires].add(alert)
    assert tested == {True: set(raw_alerts), False: set(raw_alerts)}
