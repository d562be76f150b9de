"""What Prometheus has of a real Airflow, through the rendered mapping, relabelings and rules."""

import pytest

from airflow_platform.support import strict_yaml
from airflow_platform.support.project import ADDON

from .conftest import RUNS, TRAFFIC_SECONDS

pytestmark = pytest.mark.traffic

LEGACY_NAMES = [
    rule["record"]
    for group in strict_yaml.load_file(ADDON / "files/alerts/legacy-names.rules.yaml")["groups"]
    for rule in group["rules"]
]
# In the ids of all DAGs and tasks.
ID_PARTS = ("traffic", "step")

# dag_id, task_id, its last state
ENDED_TASKS = [
    ("traffic_succeeds", "good_step", "success"),
    ("traffic_fails", "bad_step", "failed"),
    ("traffic_retries", "retried_step", "success"),
    ("traffic_mapped", "mapped_step", "success"),
    ("traffic.dotted-dag", "group.inner_step", "success"),
]


@pytest.mark.parametrize(
    "fault",
    [
        "events_unmapped_total",
        "events_conflict_total",
        "events_error_total",
        "sample_errors_total",
        "tag_errors_total",
        "udp_packet_drops_total",
    ],
)
def test_the_exporter_understands_all_that_airflow_sends(traffic, fault):
    assert traffic.prometheus.query("statsd_exporter_lines_total > 100")
    assert traffic.prometheus.query(f"statsd_exporter_{fault} > 0") == []


def test_no_metric_name_holds_a_dag_or_task_id(traffic):
    names = traffic.prometheus.get("label/__name__/values")
    assert "airflow_ti_start_total" in names
    assert [name for name in names if any(part in name for part in ID_PARTS)] == []


@pytest.mark.parametrize(("dag_id", "task_id", "state"), ENDED_TASKS)
def test_starts_and_ends_of_a_task_are_counted(traffic, dag_id, task_id, state):
    # By default some series are those of a DAG, without a task.
    of_task = f'dag_id="{dag_id}",task_id=~"{task_id}|"'
    assert traffic.prometheus.eventually(f"airflow_ti_start_total{{{of_task}}} > 0")
    ended = f'airflow_ti_finish_total{{{of_task},state="{state}"}} > 0'
    assert traffic.prometheus.eventually(ended)


def test_a_mapped_task_is_counted_once_for_each_of_its_instances(traffic):
    mapped = 'dag_id="traffic_mapped",task_id=~"mapped_step|"'
    (ended,) = traffic.prometheus.eventually(
        f'airflow_ti_finish_total{{{mapped},state="success"}} > 1'
    )
    assert ended["value"] == 2


def test_a_retry_is_counted_as_a_state_of_its_own(traffic):
    of_task = 'dag_id="traffic_retries",task_id=~"retried_step|"'
    retried = f'airflow_ti_finish_total{{{of_task},state="up_for_retry"}} > 0'
    (ended,) = traffic.prometheus.eventually(retried)
    assert ended["value"] == 1


@pytest.mark.parametrize(("dag_id", "state"), RUNS)
def test_durations_of_dag_runs_are_a_histogram_in_seconds(traffic, dag_id, state):
    run = f'dag_id="{dag_id}",state="{state}"'
    buckets = traffic.prometheus.eventually(f"airflow_dagrun_duration_seconds_bucket{{{run}}}")
    assert {"30.0", "3600.0", "+Inf"} <= {bucket["le"] for bucket in buckets}
    # With a wrong unit it would be a thousand times too long or too short.
    mean = f"airflow_dagrun_duration_seconds_sum{{{run}}} / airflow_dagrun_duration_seconds_count"
    (duration,) = traffic.prometheus.query(mean)
    assert 0.1 < duration["value"] < TRAFFIC_SECONDS


@pytest.mark.parametrize("metric", ["successes", "failures"])
def test_operators_have_one_label_in_all_versions(traffic, metric):
    for sample in traffic.prometheus.eventually(f"airflow_operator_{metric}_total > 0"):
        assert sample["operator"] == "_PythonDecoratedOperator"
        assert sample.keys().isdisjoint({"task_type", "operator_name"})


def test_the_scheduler_has_a_heartbeat(traffic):
    beats = "rate(airflow_scheduler_heartbeat_total[1m]) > 0"
    assert traffic.prometheus.eventually(beats)


def test_rules_are_evaluated_without_errors(traffic):
    def evaluated():
        groups = traffic.prometheus.get("rules")["groups"]
        rules = [rule for group in groups for rule in group["rules"]]
        return rules if all(rule["health"] != "unknown" for rule in rules) else []

    rules = traffic.prometheus.wait_for(evaluated, "some rules were never evaluated")
    assert {rule["name"]: rule.get("lastError") for rule in rules if rule["health"] != "ok"} == {}


@pytest.mark.parametrize("name", LEGACY_NAMES)
def test_a_legacy_name_has_series(traffic, name):
    assert traffic.prometheus.eventually(name)


def test_alerts_about_life_are_quiet_while_airflow_lives(traffic):
    names = "StatsdExporterDown|StatsdNoTraffic|SchedulerHeartbeatMissing"
    quiet = f'absent(ALERTS{{alertname=~"{names}"}}) and on () up == 1'
    assert traffic.prometheus.eventually(quiet)
