"""Whatever code in DAGs sends, Airflow's metrics stay; only what cannot be kept is lost."""

import random
import re

import pytest

TYPES = ("c", "g", "ms", "h", "d", "s")
# Tags that Prometheus or the exporter have a use for, and odd ones. The two that statsd_exporter
# cannot take (`le` of a histogram, names that begin with __) are taken out by Airflow: see the
# setting statsd_disabled_tags in the wrapper's values.yaml.
TAGS = ("job", "instance", "quantile", "dag_id", "task_id", "namespace", "shop", "1st", "é", "a-b")
VALUES = ("1", "0", "-1", "+1", "2.5", "1e9", "x", "")
RESERVED_NAMES = (
    "go_info",
    "process_start_time_seconds",
    "statsd_exporter_lines_total",
    "promhttp",
)
SUFFIXES = ("", "_sum", "_count", "_bucket", "_total", "_created", "_info", "-", "--")


@pytest.fixture(scope="module", params=["mixed", "task"])
def protected(request, tags, mapping):
    """The mapping for Airflow with and without tags."""
    return mapping(tags=tags, version="3.3.0", cardinality=request.param)


@pytest.fixture(scope="module")
def families(protected, rules):
    return sorted({rule["name"] for rule in rules(protected)} - {"dropped", "$1"})


def hostile_lines(families, seed, count):
    """Return lines with names that resemble those of our metrics, of any type, with any tags."""
    chance = random.Random(seed)

    def name():
        base = chance.choice((*families, *RESERVED_NAMES, "airflow_my_team_orders", "x" * 500))
        base = base.replace("$1", chance.choice(("status", "heartbeats_total", "x_sum", "x")))
        base = re.sub("_", lambda _: chance.choice("___...-,/ö"), base)
        return base + chance.choice(SUFFIXES)

    def tag():
        return f",{chance.choice(TAGS)}={chance.choice(('', 'a', 'ü', 'a.b', '1', 'y' * 300))}"

    for _ in range(count):
        given = "".join(tag() for _ in range(chance.choice((0, 0, 1, 3))))
        yield f"{name()}{given}:{chance.choice(VALUES)}|{chance.choice(TYPES)}"


@pytest.mark.parametrize("seed", range(3))
def test_lines_with_names_like_ours_take_nothing_away(
    seed, protected, families, exporter, everything, tags
):
    """They come first, so that they could take the names of Airflow's metrics."""
    ours = everything("3.3", tags)
    with exporter(protected) as running:
        running.send_tcp(ours)
        alone = running.processed_page()
    with exporter(protected) as running:
        running.send_raw([*hostile_lines(families, seed, 4000)])
        running.send_raw([*ours, "airflow.the_end:1|c"])
        page = running.wait_until(lambda page: "airflow_the_end" in page.metrics)
    assert {n: m.type for n, m in alone.metrics.items()}.items() <= {
        n: m.type for n, m in page.metrics.items()
    }.items()


@pytest.mark.parametrize("kind", ["c", "g"])
def test_a_name_of_ours_without_tags_is_refused_and_counted(kind, mapping, exporter):
    lines = (
        "airflow.pool.open_slots,pool_name=default_pool:5|g",
        f"airflow.pool_open_slots:7|{kind}",
        "airflow.scheduler_heartbeat:1|c",
    )
    for order in (lines, lines[::-1]):
        with exporter(mapping()) as running:
            running.send_tcp(order)
            page = running.processed_page()
        assert [s.value for s in page["airflow_pool_open_slots"].samples] == [5]
        assert page["airflow_scheduler_heartbeat_total"].events == 1
        assert page.count(ERRORS, reason="empty_metric_name") == 1


ERRORS = "statsd_exporter_events_error_total"


@pytest.mark.parametrize(
    "line",
    [
        "airflow.pool.open_slots:1|c",
        "airflow.pool.open_slots:1|ms",
        "airflow.ti.start:1|g",
        "airflow.ti.start:1|ms",
        "airflow.dagrun_schedule_delay_seconds_sum:1|c",
        "airflow.dagrun_schedule_delay_seconds:1|g",
        "airflow.dagrun--schedule_delay_seconds_count:1|g",
        "statsd_exporter_lines_total:1|c",
        "go_goroutines:1|g",
        ",shop=1:1|c",
        "airflow.my_team.load_time:250|ms",
        "airflow.my_team.load_time,le=5:250|ms",
        "airflow.my_team.load_time,quantile=5:250|h",
        "airflow.my_team.load_time,__name__=x:250|d",
    ],
)
def test_an_event_that_could_do_harm_is_refused_and_counted(line, mapping, replay):
    page = replay(mapping(), (line,))
    assert page.metrics == {}
    assert page.faults == {ERRORS: 1}


def test_two_events_of_one_name_and_two_types_conflict_and_one_stays(mapping, replay):
    page = replay(mapping(), ("airflow.my_orders:1|c", "airflow.my_orders:2|g"))
    assert page["airflow_my_orders"].type == "counter"
    assert page.faults["statsd_exporter_events_conflict_total"] == 1


@pytest.mark.parametrize("kind", ["c", "g"])
def test_metrics_of_the_user_s_own_keep_their_names_and_tags(kind, mapping, replay):
    page = replay(mapping(), (f"airflow.my_team.orders,shop=eu,le=5:7|{kind}",))
    (sample,) = page["airflow_my_team_orders"].samples
    assert (sample.value, sample.labels) == (7, {"shop": "eu", "le": "5"})


def test_a_rule_of_the_user_s_own_takes_a_timer(mapping, replay):
    rule = {"match": "airflow.my_team.load_time", "name": "my_load_seconds"}
    page = replay(mapping(after=[rule]), ("airflow.my_team.load_time:250|ms",))
    assert page["my_load_seconds"].events == 1
    assert page.faults == {}


def test_the_name_of_a_rule_of_the_user_s_own_is_protected_too(mapping, replay):
    rule = {"match": "airflow.orders.*", "name": "my_orders_$1", "help": "Orders."}
    lines = ("airflow.orders.eu:1|g", "my_orders_eu:2|g")
    (sample,) = replay(mapping(before=[rule]), lines)["my_orders_eu"].samples
    assert sample.value == 1


def test_what_has_no_rule_expires_and_what_has_one_stays(mapping, exporter):
    text = mapping()
    assert text.count("ttl: 25h\n") == 1
    lines = ("airflow.mine:1|c", "airflow.yours:1|g", "airflow.ti.start:1|c")
    with exporter(text.replace("ttl: 25h\n", "ttl: 1s\n")) as running:
        running.send_tcp((*lines, "airflow.task.duration:5|ms"))
        page = running.processed_page()
        assert page.unmapped == {"airflow_mine", "airflow_yours"}
        page = running.wait_until(lambda page: not page.unmapped)
    assert set(page.metrics) == {"airflow_ti_start_total", "airflow_task_duration_seconds"}
