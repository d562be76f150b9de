"""Times are in seconds, whatever a version of Airflow sends."""

import pytest

from airflow_platform.support import strict_yaml
from airflow_platform.support.project import ADDON


@pytest.mark.parametrize(
    ("version", "line", "metric", "seconds"),
    [
        # Seconds typed as milliseconds until 2.9.2
        ("2.9.2", "task.queued_duration:8.1|ms", "task_queued_seconds", 8.1),
        ("2.9.3", "task.queued_duration:8100|ms", "task_queued_seconds", 8.1),
        ("2.11.0", "task.queued_duration:8100|ms", "task_queued_seconds", 8.1),
        # Seconds typed as milliseconds from 3.2.0 to 3.3.2
        ("2.11.0", "dag_processing.last_duration:370|ms", "dag_processing_duration_seconds", 0.37),
        ("3.2.0", "dag_processing.last_duration:0.37|ms", "dag_processing_duration_seconds", 0.37),
        ("3.3.2", "dag_processing.last_duration:0.37|ms", "dag_processing_duration_seconds", 0.37),
        ("3.3.3", "dag_processing.last_duration:370|ms", "dag_processing_duration_seconds", 0.37),
        ("3.1.8", "task.duration:5360|ms", "task_duration_seconds", 5.36),
        ("3.1.8", "dag_processing.total_parse_time:3|g", "dag_processing_total_parse_seconds", 3),
        ("3.1.8", "task_log.drain_duration:2500|ms", "task_log_drain_seconds", 2.5),
    ],
)
def test_times_are_in_seconds(version, line, metric, seconds, mapping, replay):
    page = replay(mapping(version=version), (f"airflow.{line}",))
    values = {s.name.removesuffix("_sum"): s.value for s in page[f"airflow_{metric}"].samples}
    assert values[f"airflow_{metric}"] == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("version", "line"),
    [
        ("2.9.2", "airflow.dag.sales.load.queued_duration:8.1|ms"),
        ("3.2.0", "airflow.dag_processing.last_duration.git.report:8.1|ms"),
    ],
)
def test_legacy_names_get_the_same_correction(version, line, mapping, replay):
    (metric,) = replay(mapping(version=version, tags=False), (line,)).metrics.values()
    assert [s.value for s in metric.samples if s.name.endswith("_sum")] == [pytest.approx(8.1)]


def test_short_and_long_tasks_are_in_different_buckets(mapping, replay):
    lines = ("airflow.task.duration:2000|ms", f"airflow.task.duration:{6 * 3_600_000}|ms")
    metric = replay(mapping(cardinality="task"), lines)["airflow_task_duration_seconds"]
    counts = {s.labels["le"]: s.value for s in metric.samples if s.name.endswith("_bucket")}
    assert (counts["1"], counts["5"], counts["14400"], counts["43200"]) == (0, 1, 1, 2)


def test_corrections_name_metrics_that_exist(raw_mapping, rules):
    path = ADDON / "files" / "metrics" / "version-fixes.yaml"
    fixes = strict_yaml.load(path.read_text(encoding="utf-8"), path.name)
    forms = {
        (rule["name"], "legacy" if rule.get("match_type") == "regex" else "plain")
        for rule in rules(raw_mapping)
    }
    for fix in fixes:
        for name in fix["names"]:
            for form in [fix["form"]] if "form" in fix else ["plain", "legacy"]:
                assert (name, form) in forms, fix
