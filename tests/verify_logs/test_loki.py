"""Logs as they are read from Loki."""

import base64
import json
import threading
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from airflow_platform.support.errors import PlatformError
from airflow_platform.verify_logs import loki as module
from airflow_platform.verify_logs.attempts import Attempt, Run
from airflow_platform.verify_logs.loki import Loki

from .airflow_double import RUN_ID

RUN = Run("demo", RUN_ID)
HELLO = Attempt(RUN, "hello", -1, 1)


def logs(url, selector=None, **environment):
    now = datetime.now(UTC)
    client = Loki(url, environment, tenant="", ca_file=None)
    return client.logs(RUN, now - timedelta(days=2), now + timedelta(hours=1), selector)


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
    now = datetime.now(UTC)
    client = Loki(loki.url, {}, tenant="", ca_file=None)
    found = client.logs(run, now - timedelta(hours=1), now + timedelta(hours=1))
    assert found == {Attempt(run, "hello", -1, 1): [["a"]]}


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


def test_more_lines_than_one_answer_has(loki, monkeypatch):
    monkeypatch.setattr(module, "_PAGE_LINES", 10)
    now = time.time_ns()
    for number in range(4):  # six lines at a time: answers end within those of one time
        loki.put(
            *(f"{number}{letter}" for letter in "abcdef"), pod=str(number), time_ns=now + number
        )
    expected = [[f"{number}{letter}" for letter in "abcdef"] for number in range(4)]
    assert sorted(logs(loki.url)[HELLO]) == expected


def test_more_lines_at_one_time_than_one_answer_has_is_an_error(loki, monkeypatch):
    monkeypatch.setattr(module, "_PAGE_LINES", 10)
    loki.put(*map(str, range(11)), time_ns=time.time_ns())
    with pytest.raises(PlatformError, match="one nanosecond"):
        logs(loki.url)


@pytest.fixture
def gateway():
    """A server that notes the headers of requests, and refuses those without authorization."""

    class Gateway(BaseHTTPRequestHandler):
        def do_GET(self):
            self.server.seen.append(self.headers)
            allowed = "Authorization" in self.headers
            self.send_response(200 if allowed else 401)
            self.end_headers()
            answer = {"status": "success", "data": {"resultType": "streams", "result": []}}
            self.wfile.write(json.dumps(answer).encode() if allowed else b"who are you?")

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Gateway) as server:
        server.seen = []
        server.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


CREDENTIALS = {
    "basic": (
        {"LOKI_USERNAME": "ada", "LOKI_PASSWORD": "secret"},
        "Basic " + base64.b64encode(b"ada:secret").decode(),
    ),
    "bearer": ({"LOKI_BEARER_TOKEN": "token"}, "Bearer token"),
}


@pytest.mark.parametrize(("environment", "header"), CREDENTIALS.values(), ids=CREDENTIALS)
def test_credentials_come_from_the_environment(gateway, environment, header):
    assert logs(gateway.url, **environment) == {}
    assert {seen["Authorization"] for seen in gateway.seen} == {header}


def test_the_tenant_is_named(gateway):
    now = datetime.now(UTC)
    client = Loki(gateway.url, {"LOKI_BEARER_TOKEN": "x"}, tenant="data", ca_file=None)
    client.logs(RUN, now - timedelta(hours=1), now)
    assert [seen["X-Scope-OrgID"] for seen in gateway.seen] == ["data"]


def test_days_are_asked_for_one_by_one(gateway):
    now = datetime.now(UTC)
    client = Loki(gateway.url, {"LOKI_BEARER_TOKEN": "x"}, tenant="", ca_file=None)
    client.logs(RUN, now - timedelta(days=3), now)
    assert len(gateway.seen) == 3


def test_refused_credentials_name_the_variables(gateway):
    with pytest.raises(PlatformError, match=r"401 .*who are you(.|\n)*LOKI_USERNAME"):
        logs(gateway.url)


def test_a_loki_out_of_reach_names_the_command_that_brings_it_near():
    url = "http://loki.observability.svc.cluster.local.:3100"
    with pytest.raises(PlatformError) as error:
        logs(url.replace("cluster.local.", "invalid"))
    assert "kubectl --namespace observability port-forward service/loki 3100:3100" in str(
        error.value
    )


@pytest.mark.parametrize("url", ["localhost:3100", "file:///etc/passwd", ""])
def test_what_is_no_url_is_refused(url):
    with pytest.raises(PlatformError, match="is not a URL"):
        logs(url)


def test_a_certificate_file_that_is_none_is_refused(tmp_path):
    with pytest.raises(PlatformError, match=r"no\.pem is no file with certificates"):
        Loki("https://localhost", {}, tenant="", ca_file=tmp_path / "no.pem")
