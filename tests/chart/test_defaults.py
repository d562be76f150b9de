"""Why the defaults are what they are, where a number or a name depends on something outside."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from airflow_platform.rendering.upstream import UpstreamChart
from airflow_platform.support import strict_yaml
from airflow_platform.support.project import ADDON, ROOT
from airflow_platform.support.tools import TOOLS

from .promises import at

ADDON_VALUES = strict_yaml.load_file(ADDON / "values.yaml")
WRAPPER_VALUES = strict_yaml.load_file(ROOT / "values.yaml")
TASK_LOGS = ADDON_VALUES["global"]["taskLogs"]

KIB, MIB = 2**10, 2**20
LOKI_MAX_LINE_BYTES = 256 * KIB  # max_line_size in Loki's limits_config, by default
# The measurements in docs/task-logs.md were made with this limit; 34 MiB of it were used.
SIDECAR_MEASURED_BYTES = 64 * MIB


def images(values: Any, path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every image of the add-on with its key."""
    if isinstance(values, Mapping):
        if {"repository", "tag"} <= values.keys():
            yield path, values
        for key, value in values.items():
            yield from images(value, f"{path}.{key}".removeprefix("."))


IMAGES = dict(images(ADDON_VALUES))


def mebibytes(quantity: str) -> int:
    found = re.fullmatch(r"(\d+)Mi", quantity)
    assert found, f"{quantity} is not a whole number of Mi"
    return int(found[1]) * MIB


def version(text: str) -> tuple[int, ...]:
    found = re.match(r"v?(\d+)\.(\d+)\.(\d+)", text)
    assert found, f"{text} does not begin with a version"
    return tuple(map(int, found.groups()))


def test_the_images_of_the_sidecar_and_of_the_exporter_are_known() -> None:
    assert set(IMAGES) == {"global.taskLogs.image", "statsdExporter.image"}


@pytest.mark.parametrize("key", IMAGES)
def test_an_image_that_is_there_is_not_pulled_and_has_a_version(key: str) -> None:
    """Airflow fails a task when an image of its pod cannot be pulled."""
    assert IMAGES[key]["pullPolicy"] == "IfNotPresent"
    assert version(IMAGES[key]["tag"])


def test_vector_takes_labels_from_events_and_its_image_has_a_shell() -> None:
    tag = TASK_LOGS["image"]["tag"]
    assert version(tag) >= (0, 58, 0), "older ones refuse labels that are taken from events"
    assert tag.endswith(("-alpine", "-debian")), "the others have no shell for drain.sh"


def test_the_exporter_is_the_one_that_the_mapping_is_tested_with() -> None:
    tag = ADDON_VALUES["statsdExporter"]["image"]["tag"]
    assert tag == f"v{TOOLS['statsd_exporter'].version}"


def test_the_sidecar_has_the_memory_that_it_needs_and_no_cpu_limit() -> None:
    limits, requests = TASK_LOGS["resources"]["limits"], TASK_LOGS["resources"]["requests"]
    assert mebibytes(limits["memory"]) >= SIDECAR_MEASURED_BYTES
    assert mebibytes(requests["memory"]) <= mebibytes(limits["memory"])
    assert "cpu" not in limits, "throttled, it would hold the executor's slot while it drains"


def test_no_line_is_longer_than_loki_takes() -> None:
    """Loki refuses a whole request for one line that is too long."""
    room = LOKI_MAX_LINE_BYTES - TASK_LOGS["loki"]["maxLineBytes"]
    assert room >= 10_000, "for what transforms of the user's own add to a line"
    assert TASK_LOGS["maxLineBytes"] >= TASK_LOGS["loki"]["maxLineBytes"]


def test_what_makes_streams_in_loki_has_few_values() -> None:
    assert set(TASK_LOGS["labelFields"]) == {"namespace", "dag_id", "task_id"}
    assert set(TASK_LOGS["labels"]) == {"job"}


def test_equal_lines_stay_apart_and_a_line_sent_twice_is_stored_once() -> None:
    assert "offset" in TASK_LOGS["metadataFields"]


def test_a_line_can_be_told_by_its_try_and_its_pod() -> None:
    assert {"run_id", "try_number", "map_index", "pod"} <= set(TASK_LOGS["metadataFields"])


def test_nothing_is_left_out_of_the_logs_but_secrets() -> None:
    assert TASK_LOGS["minimumLevel"] == ""
    assert TASK_LOGS["redaction"]["enabled"] is True


def test_the_drain_deadline_follows_the_version_of_airflow() -> None:
    """test_pod_template.py looks at the seconds that this makes."""
    assert TASK_LOGS["drain"]["timeoutSeconds"] is None


def test_the_mapping_is_made_for_the_version_of_airflow_that_is_installed(
    upstream: UpstreamChart,
) -> None:
    installed = strict_yaml.load(upstream.read("values.yaml"), str(upstream.path))
    mapped = ADDON_VALUES["global"]["metrics"]["airflowVersion"]
    assert mapped == installed["airflowVersion"]
    assert mapped == strict_yaml.load_file(ROOT / "Chart.yaml")["appVersion"]
    assert at(WRAPPER_VALUES, "airflow.airflowVersion") is None


def test_every_rule_of_the_mapping_begins_with_the_prefix_that_airflow_sends() -> None:
    followed = at(WRAPPER_VALUES, "airflow.config.metrics.statsd_prefix")
    assert followed == "{{ .Values.global.metrics.prefix }}"
    prefix = at(ADDON_VALUES, "global.metrics.prefix")
    mapping = strict_yaml.load_file(ADDON / "files" / "metrics" / "statsd-mapping.yaml")
    assert mapping["mappings"]
    for rule in mapping["mappings"]:
        regex = rule.get("match_type") == "regex"
        assert rule["match"].startswith(rf"^{prefix}\." if regex else f"{prefix}.")
