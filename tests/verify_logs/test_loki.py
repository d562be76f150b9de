"""Logs as they are read from Loki."""

from datetime import UTC, datetime, timedelta

from airflow_platform.loki.client import Loki
from airflow_platform.verify_logs import loki as of_loki
from airflow_platform.verify_logs.attempts import Attempt, Run

from .airflow_double import RUN_ID

RUN = Run("demo", RUN_ID)
HELLO = Attempt(RUN, "hello", -1, 1)


def logs(url, selector=None, run=RUN):
    now = datetime.now(UTC)
    client = Loki(url, {}, tenant="", ca_file=None)
    since, until = now - timedelta(days=2), now + timedelta(hours=1)
    return of_loki.logs(client, run, since, until, selector)


def test_a_log_is_in_the_order_of_its_file(loki):
    loki.put("third", offset=20)
    loki.put("second", offset=10)
    loki.put("first", offset=9)
    assert logs(loki.url) == {HELLO: [["first", "second", "third"]]}


def test_each_attempt_has_its_log(loki):
    loki.put("a")
    loki.put("b", try_number=2)
    loki.put("c", task="mapped", map_index=0)
    loki.put("d", task="mapped", map_index=1)
    assert logs(loki.url) == {
        HELLO: [["a"]],
        Attempt(RUN, "hello", -1, 2): [["b"]],
        Attempt(RUN, "mapped", 0, 1): [["c"]],
        Attempt(RUN, "mapped", 1, 1): [["d"]],
    }


def test_other_dags_and_runs_are_not_looked_at(loki):
    loki.put("a")
    loki.put("b", run_id="another")
    loki.put("c", dag_id="another")
    assert logs(loki.url) == {HELLO: [["a"]]}


def test_a_selector_narrows_it_down(loki):
    loki.put("a")
    assert logs(loki.url, '{job="airflow-task-logs"}') == {HELLO: [["a"]]}
    assert logs(loki.url, '{job="other"}') == {}


def test_any_id_can_be_asked_for(loki):
    run = Run('a "b" \\ ž', "run\nid")
    loki.put("a", dag_id=run.dag_id, run_id=run.run_id)
    assert logs(loki.url, run=run) == {Attempt(run, "hello", -1, 1): [["a"]]}


def test_the_parts_of_a_long_line_are_joined(loki):
    for part in (2, 1, 3):
        loki.put(f"part {part} ", offset=5, part=part, parts=3)
    loki.put("next", offset=40)
    assert logs(loki.url) == {HELLO: [["part 1 part 2 part 3 ", "next"]]}


def test_a_record_that_came_in_pieces_is_joined(loki):
    header = "[2026-11-21T08:11:30.277+0000] {a.py:1} ERROR - failed"
    loki.put(header, "  at a\n  at b", f"{header} again")
    assert logs(loki.url) == {HELLO: [[f"{header}\n  at a\n  at b", f"{header} again"]]}


def test_the_files_of_two_pods_are_two(loki):
    loki.put("a", "b", pod="one")
    loki.put("c", "d", pod="two")
    assert sorted(logs(loki.url)[HELLO]) == [["a", "b"], ["c", "d"]]
