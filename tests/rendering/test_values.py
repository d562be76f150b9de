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
            "properties": {"replicas": {}, "resources": {"$ref": "#/definitions/Resources"}},
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
    ("values", "unknown"),
    [
        ({"workers": {"replicas": 1, "onlyInDefaults": 2}, "executor": "x"}, []),
        (
            {"wrokers": {}},
            ['airflow.wrokers: the official chart has no such key (did you mean "workers"?)'],
        ),
        (
            {"workers": {"replica": 1}},
            [
                "airflow.workers.replica: the official chart has no such key"
                ' (did you mean "replicas"?)'
            ],
        ),
        ({"labels": {"anything": "goes"}}, []),
        ({"workers": {"resources": {"limits": {"cpu": 1}}}}, []),
        ({"xyz": 1}, ["airflow.xyz: the official chart has no such key"]),
        ({"postgresql": {"any": 1}, "global": {}, "enabled": True}, []),
    ],
)
def test_misspelt_keys_are_listed_with_the_near_ones(small_chart, values, unknown):
    assert unknown_keys({"airflow": values}, small_chart) == unknown


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
