"""Queries to Loki."""

import base64
import json
import threading
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from airflow_platform.loki import client as module
from airflow_platform.loki.client import Loki
from airflow_platform.support.errors import PlatformError

QUERY = '{dag_id="demo"}'


@pytest.fixture
def loki(any_loki):
    return any_loki


def entries(url, tenant="", **environment):
    now = datetime.now(UTC)
    client = Loki(url, environment, tenant=tenant, ca_file=None)
    return list(client.entries(QUERY, now - timedelta(days=2), now + timedelta(hours=1)))


def lines(loki):
    return [entry.line for entry in entries(loki.url, loki.tenant)]


@pytest.fixture
def small_pages(monkeypatch):
    monkeypatch.setattr(module, "_PAGE_LINES", 10)
    monkeypatch.setattr(module, "_MOST_LINES", 20)


@pytest.mark.usefixtures("small_pages")
def test_pages_that_end_within_lines_of_one_time_lose_and_repeat_nothing(loki):
    now = time.time_ns()
    for number in range(4):  # six lines at a time
        loki.put(*(f"{number}{letter}" for letter in "abcdef"), apart=0, time_ns=now + number)
    found = lines(loki)
    assert sorted(found) == [f"{number}{letter}" for number in range(4) for letter in "abcdef"]
    assert [line[0] for line in found] == sorted(line[0] for line in found)


@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize("count", [9, 10, 11, 20, 35])
def test_all_pages_are_read_in_the_order_of_time(loki, count):
    written = [f"line {number}" for number in range(count)]
    loki.put(*written)
    assert lines(loki) == written


@pytest.mark.usefixtures("small_pages")
def test_more_lines_of_one_time_than_a_page_has(loki):
    written = [f"{number:02}" for number in range(15)]
    now = time.time_ns()
    loki.put("before", time_ns=now - 1)
    loki.put(*written, apart=0, time_ns=now)
    loki.put("after", time_ns=now + 1)
    first, *middle, last = lines(loki)
    assert (first, sorted(middle), last) == ("before", written, "after")


@pytest.mark.usefixtures("small_pages")
def test_more_lines_of_one_time_than_loki_answers_with_is_an_error(loki):
    loki.put(*map(str, range(25)), apart=0)
    with pytest.raises(PlatformError, match="one nanosecond"):
        lines(loki)


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
    assert entries(gateway.url, **environment) == []
    assert {seen["Authorization"] for seen in gateway.seen} == {header}


def test_the_tenant_is_named(gateway):
    now = datetime.now(UTC)
    client = Loki(gateway.url, {"LOKI_BEARER_TOKEN": "x"}, tenant="data", ca_file=None)
    list(client.entries(QUERY, now - timedelta(hours=1), now))
    assert [seen["X-Scope-OrgID"] for seen in gateway.seen] == ["data"]


def test_days_are_asked_for_one_by_one(gateway):
    now = datetime.now(UTC)
    client = Loki(gateway.url, {"LOKI_BEARER_TOKEN": "x"}, tenant="", ca_file=None)
    list(client.entries(QUERY, now - timedelta(days=3), now))
    assert len(gateway.seen) == 3


def test_refused_credentials_name_the_variables(gateway):
    with pytest.raises(PlatformError, match=r"401 .*who are you(.|\n)*LOKI_USERNAME"):
        entries(gateway.url)


def test_a_loki_out_of_reach_names_the_command_that_brings_it_near():
    url = "http://loki.observability.svc.cluster.local.:3100"
    with pytest.raises(PlatformError) as error:
        entries(url.replace("cluster.local.", "invalid"))
    assert "kubectl --namespace observability port-forward service/loki 3100:3100" in str(
        error.value
    )


@pytest.mark.parametrize("url", ["localhost:3100", "file:///etc/passwd", ""])
def test_what_is_no_url_is_refused(url):
    with pytest.raises(PlatformError, match="is not a URL"):
        entries(url)


def test_a_certificate_file_that_is_none_is_refused(tmp_path):
    with pytest.raises(PlatformError, match=r"no\.pem is no file with certificates"):
        Loki("https://localhost", {}, tenant="", ca_file=tmp_path / "no.pem")
