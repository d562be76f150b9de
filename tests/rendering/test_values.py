"""What is said about values before Helm sees them."""

import json
from pathlib import Path

import pytest
import yaml

from airflow_platform.rendering.upstream import UpstreamChart, find_upstream
from airflow_platform.rendering.values import merged, unknown_keys
from airflow_platform.support import strict_yaml
from airflow_platform.support.project import ROOT, environments, values_file

SCHEMA = {
    "properties": {
        "workers": {
            "properties": {
                "replicas": {},
                "resources": {"$ref": "#/definitions/Resources"},
                "celery": {"properties": {"queue": {}}},
                "podDisruptionBudget": {
                    "properties": {"config": {"properties": {"maxUnavailable": {}}}}
                },
            },
        },
        "labels": {"additionalProperties": {"type": "string"}},
    }
}
DEFAULTS = {"workers": {"onlyInDefaults": 1}, "labels": {}, "executor": "CeleryExecutor"}
CHART = {"name": "airflow", "version": "1.0.0", "dependencies": [{"name": "postgresql"}]}


@pytest.fixture
def small_chart(tmp_path: Path) -> UpstreamChart:
    """An official chart with few keys."""
    (tmp_path / "Chart.yaml").write_text(yaml.safe_dump(CHART))
    (tmp_path / "values.yaml").write_text(yaml.safe_dump(DEFAULTS))
    (tmp_path / "values.schema.json").write_text(json.dumps(SCHEMA))
    return UpstreamChart(tmp_path, "a test", is_stand_in=False, version="1.0.0")


@pytest.mark.parametrize(
    ("values", "key", "near"),
    [
        ({"wrokers": {}}, "airflow.wrokers", ' (did you mean "workers"?)'),
        ({"workers": {"replica": 1}}, "airflow.workers.replica", ' (did you mean "replicas"?)'),
        (
            {"workers": {"celery": {"que": 1}}},
            "airflow.workers.celery.que",
            ' (did you mean "queue"?)',
        ),
        ({"xyz": 1}, "airflow.xyz", ""),
    ],
)
def test_misspelt_keys_are_listed_with_the_near_ones(small_chart, values, key, near):
    found = unknown_keys({"airflow": values}, small_chart)
    assert found == [(key, f"the official chart has no such key{near}")]


@pytest.mark.parametrize(
    "values",
    [
        {"workers": {"replicas": 1, "onlyInDefaults": 2}, "executor": "x"},
        {"labels": {"anything": "goes"}},
        {"workers": {"resources": {"limits": {"cpu": 1}}}},
        {"workers": {"celery": {"replicas": 1, "queue": "default"}}},
        {"workers": {"podDisruptionBudget": {"config": {"unhealthyPodEvictionPolicy": "x"}}}},
        {"wrokers": None},
        {"postgresql": {"any": 1}, "global": {}, "enabled": True},
    ],
)
def test_known_keys_are_not_listed(small_chart, values):
    assert unknown_keys({"airflow": values}, small_chart) == []


@pytest.mark.parametrize("file", [ROOT / "values.yaml", *map(values_file, environments())], ids=str)
@pytest.mark.official_chart
def test_our_values_files_have_no_misspelt_keys(file):
    assert unknown_keys(strict_yaml.load_file(file), find_upstream()) == []


@pytest.mark.parametrize(
    ("sources", "result"),
    [
        (({"a": 1}, {"a": 2}), {"a": 2}),
        (({"a": {"b": 1, "c": 2}}, {"a": {"b": 3}}), {"a": {"b": 3, "c": 2}}),
        (({"a": {"b": 1}}, {"a": None}), {}),
        (({"a": {"b": 1}}, {"a": {"b": None}}), {"a": {}}),
        (({"a": [1, 2]}, {"a": [3]}), {"a": [3]}),
        (({"a": 1}, {"a": {"b": 2}}), {"a": {"b": 2}}),
    ],
)
def test_values_are_merged_as_helm_merges_them(sources, result):
    assert merged(*sources) == result
