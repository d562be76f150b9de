"""The values that change the mapping."""

from typing import Any

import pytest

from airflow_platform.metrics.labels import labels_by_metric
from airflow_platform.support import strict_yaml
from airflow_platform.support.project import ADDON

FILES = ADDON / "files" / "metrics"
IDS = {"mixed": set(), "task": set(), "dag": {"task_id"}, "none": {"task_id", "dag_id"}}
GAUGES_OF_TASKS = {
    f"airflow_{name}"
    for name in (
        *("ti_running", "ti_scheduled", "ti_queued", "ti_deferred", "ti_awaiting_input"),
        *("task_cpu_usage_percent", "task_mem_usage_percent"),
    )
}


@pytest.fixture(scope="session", params=["2.11", "3.3"])
def by_cardinality(request, tags, mapping, everything, replay):
    """Return the page after one event of each metric, for a cardinality."""

    def page(cardinality):
        version = request.param
        text = mapping(version=f"{version}.0", tags=tags, cardinality=cardinality)
        return replay(text, everything(version, tags))

    return page


@pytest.mark.parametrize("cardinality", ["dag", "none"])
def test_a_lower_cardinality_hides_ids(by_cardinality, cardinality):
    page = by_cardinality(cardinality)
    assert page.faults == {}
    labels = set().union(*(metric.labels for metric in page.metrics.values()))
    assert labels & {"task_id", "dag_id"} == {"task_id", "dag_id"} - IDS[cardinality]


def test_mixed_cardinality_counts_the_same_events_and_has_buckets_for_each_dag(by_cardinality):
    all_, mixed = by_cardinality("task"), by_cardinality("mixed")
    durations = mixed.metrics.pop("airflow_dag_task_duration_seconds")
    assert {name: metric.events for name, metric in mixed.metrics.items()} == {
        name: metric.events for name, metric in all_.metrics.items()
    }
    assert durations.events == all_["airflow_task_duration_seconds"].events


def test_mixed_cardinality_has_a_sum_for_each_task_and_buckets_for_each_dag(mapping, replay):
    lines = tuple(
        line
        for number in range(1, 4)
        for line in (
            f"airflow.task.duration,dag_id=d,task_id=g.t{number}:{number}000|ms",
            f"airflow.dag.d.g.t{number}.duration:{number}000|ms",
            f"airflow.task.scheduled_duration,dag_id=d,task_id=g.t{number},queue=q:{number}000|ms",
            f"airflow.dag.d.g.t{number}.scheduled_duration:{number}000|ms",
        )
    )
    page = replay(mapping(), lines)
    by_task = page["airflow_task_duration_seconds"]
    assert {s.labels["task_id"]: s.value for s in by_task.samples if s.name.endswith("_sum")} == {
        "g.t1": 1,
        "g.t2": 2,
        "g.t3": 3,
    }
    assert len(by_task.samples) == 3 * 3
    for name in ("airflow_dag_task_duration_seconds", "airflow_task_scheduled_seconds"):
        of_dag = page[name]
        assert (of_dag.events, of_dag.values("dag_id"), of_dag.values("task_id")) == (
            3,
            {"d"},
            set(),
        )
        assert {s.labels["le"]: s.value for s in of_dag.samples if "le" in s.labels}["1"] == 1


@pytest.mark.parametrize(("version", "tasks"), [("2.11.0", set()), ("3.1.8", {"t"})])
def test_the_states_of_a_task_are_kept_where_they_are_few(version, tasks, mapping, replay):
    """Airflow 2 sends a zero for each of 14 states when a task starts."""
    line = "airflow.ti.finish,dag_id=d,task_id=t,state=failed:1|c"
    page = replay(mapping(version=version), (line,))
    assert page["airflow_ti_finish_total"].values("task_id") == tasks


def test_mixed_cardinality_names_metrics_and_labels_that_there_are(raw_mapping, rules):
    mixed = strict_yaml.load_file(FILES / "mixed-cardinality.yaml")
    for hidden in (mixed["hidden"], mixed["hidden_in_airflow_2"]):
        for name, labels in hidden.items():
            assert set(labels) <= labels_by_metric()[name]
    assert mixed["split"].keys() <= {rule["name"] for rule in rules(raw_mapping)}
    pairs = {r["name"] for r in rules(raw_mapping) if r.get("action") == "drop"}
    assert mixed["split"].keys() <= pairs


@pytest.mark.parametrize("cardinality", ["dag", "none"])
def test_a_lower_cardinality_counts_the_same_events(by_cardinality, cardinality):
    """Only gauges of tasks are left out: the exporter cannot add them up."""
    all_, fewer = by_cardinality("task"), by_cardinality(cardinality)
    assert {name: metric.events for name, metric in fewer.metrics.items()} == {
        name: metric.events for name, metric in all_.metrics.items() if name not in GAUGES_OF_TASKS
    }


def test_hidden_tasks_share_one_series(mapping, replay):
    lines = tuple(f"airflow.ti.start,dag_id=d,task_id=t{number}:1|c" for number in range(9))
    (sample,) = replay(mapping(cardinality="dag"), lines)["airflow_ti_start_total"].samples
    assert sample.value == 9


def test_all_gauges_and_nothing_else_have_a_ttl(raw_mapping, rules, airflow_metrics):
    gauges = {metric.metric for metric in airflow_metrics if metric.type == "g"}
    with_ttl = {rule["name"] for rule in rules(raw_mapping) if "ttl" in rule}
    assert with_ttl - {"airflow_edge_worker_$1"} == {
        name for name in gauges if not name.startswith("airflow_edge_worker_")
    }


def test_a_gauge_that_is_not_sent_any_more_goes_and_a_counter_stays(mapping, exporter):
    with exporter(mapping().replace("ttl: 10m", "ttl: 1s")) as running:
        running.send_tcp(("airflow.pool.open_slots:1|g", "airflow.ti.start:1|c"))
        page = running.processed_page()
        assert "airflow_pool_open_slots" in page.metrics
        page = running.wait_until(lambda page: "airflow_pool_open_slots" not in page.metrics)
    assert "airflow_ti_start_total" in page.metrics


@pytest.mark.parametrize("prefix", ["team_a", "my-company.data-3.airflow"])
def test_every_metric_is_mapped_by_the_prefix_that_airflow_sends(
    mapping, replay, everything, tags, prefix
):
    lines = everything("3.3", tags)
    ours = replay(mapping(tags=tags), lines)
    prefixed = tuple(f"{prefix}{line.removeprefix('airflow')}" for line in lines)
    theirs = replay(mapping(tags=tags, prefix=prefix), prefixed)
    assert theirs.faults == {}
    assert {name: metric.events for name, metric in theirs.metrics.items()} == {
        name: metric.events for name, metric in ours.metrics.items()
    }


def test_a_dot_in_the_prefix_is_a_dot(mapping, replay):
    text = mapping(tags=False, prefix="team.a")
    lines = ("team.a.ti.start.d.t:1|c", "teamXa.ti.start.d.t:1|c")
    page = replay(text, lines)
    assert page["airflow_ti_start_total"].events == 1
    assert page.unmapped == {"teamXa_ti_start_d_t"}


@pytest.mark.parametrize("native", [True, False])
def test_native_histograms_stand_beside_classic_buckets_where_they_are_scraped(
    native, mapping, exporter
):
    with exporter(mapping(native=native)) as running:
        running.send_tcp(("airflow.dagrun.schedule_delay,dag_id=d:1500|ms",))
        running.processed_page()
        histogram = _histogram(running.fetch(PROTOBUF), "airflow_dagrun_schedule_delay_seconds")
    assert CLASSIC_BUCKET in histogram
    assert (NATIVE_SPAN in histogram) == native


def test_what_has_no_rule_stays_visible_under_its_own_name(mapping, replay):
    page = replay(mapping(), ("airflow.brand.new:1|c", "airflow.brand.new_level:1|g"))
    assert page.unmapped == {"airflow_brand_new", "airflow_brand_new_level"}


def test_what_has_no_rule_can_be_dropped(mapping, replay, everything):
    rule = {"match": ".", "match_type": "regex", "name": "dropped", "action": "drop"}
    text = mapping(after=[rule])
    assert replay(text, ("airflow.brand.new:1|c",)).metrics == {}
    lines = everything("3.1", True)
    assert replay(text, lines).metrics.keys() == replay(mapping(), lines).metrics.keys()


@pytest.mark.parametrize(
    "rule",
    [
        {"match": "airflow.ti.start", "name": "mine"},
        {"match": "airflow.ti.*", "name": "mine"},
        {"match": r"^airflow\.ti\.st", "match_type": "regex", "name": "mine"},
    ],
)
def test_rules_put_before_ours_win(mapping, replay, rule):
    text = mapping(before=[rule])
    assert set(replay(text, ("airflow.ti.start:1|c",)).metrics) == {"mine"}
    assert set(replay(text, ("airflow.ti_failures:1|c",)).metrics) == {"airflow_ti_failures_total"}


def test_a_rule_put_before_ours_wins_over_a_legacy_name(mapping, replay):
    rule = {"match": r"^airflow\.ti\.start\.(.+)$", "match_type": "regex", "name": "mine"}
    text = mapping(tags=False, before=[rule])
    assert set(replay(text, ("airflow.ti.start.d.t:1|c",)).metrics) == {"mine"}


def test_a_longer_rule_put_before_ours_leaves_ours_alone(mapping, replay):
    rule = {"match": "airflow.ti.start.*.*", "name": "mine"}
    text = mapping(before=[rule])
    page = replay(text, ("airflow.ti.start:1|c", "airflow.ti.start.d.t:1|c"))
    assert set(page.metrics) == {"airflow_ti_start_total", "mine"}


def test_rules_put_after_ours_get_what_is_left(mapping, replay):
    rule = {"match": r"^airflow\.(.+)$", "match_type": "regex", "name": "other_$1"}
    text = mapping(after=[rule])
    lines = ("airflow.ti.start:1|c", "airflow.ti.start.d.t:1|c", "airflow.brand_new:1|c")
    assert set(replay(text, lines).metrics) == {"airflow_ti_start_total", "other_brand_new"}


def test_a_rule_with_a_name_of_ours_does_not_break_the_scrape(mapping, replay):
    """Two help texts for one name make statsd_exporter refuse the whole scrape."""
    rule = {"match": "airflow.executor.open_slots", "name": "airflow_executor_open_slots"}
    lines = ("airflow.executor.open_slots:1|g", "airflow.executor.open_slots.CeleryExecutor:1|g")
    page = replay(mapping(before=[rule]), lines)
    assert page["airflow_executor_open_slots"].events == 2


# Protocol buffers of Prometheus: MetricFamily has name 1 and metric 4, Metric has histogram 7.
PROTOBUF = (
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
)
CLASSIC_BUCKET = 3
NATIVE_SPAN = 12


def _histogram(body, name):
    """Return the fields of the one histogram called ``name``, by number."""
    position = 0
    while position < len(body):
        length, position = _varint(body, position)
        family = _fields(body[position : position + length])
        position += length
        if family[1] == [name.encode()]:
            (metric,) = family[4]
            return _fields(_fields(metric)[7][0])
    raise AssertionError(f"there is no {name}")


def _fields(message):
    fields: dict[int, list[Any]] = {}
    position = 0
    while position < len(message):
        key, position = _varint(message, position)
        if key & 7 == 0:
            value, position = _varint(message, position)
        else:
            size, position = (8, position) if key & 7 == 1 else _varint(message, position)
            value = message[position : position + size]
            position += size
        fields.setdefault(key >> 3, []).append(value)
    return fields


def _varint(message, position):
    value = shift = 0
    while True:
        byte = message[position]
        value |= (byte & 0x7F) << shift
        position += 1
        shift += 7
        if byte < 0x80:
            return value, position
