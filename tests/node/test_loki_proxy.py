"""The proxy that makes a Loki bad."""

import time
import urllib.request
from urllib.error import HTTPError, URLError

import pytest

from airflow_platform.node.loki_proxy import Behaviour, loki_proxy

from ..loki_server import LokiServer


@pytest.fixture
def loki(built_in_loki_server: LokiServer) -> str:
    return built_in_loki_server.url


def lines(url: str) -> int:
    """Return the number of lines that a Loki has."""
    query = "query=%7Bdag_id%3D%22demo%22%7D&start=0&end=9000000000000000000&limit=100"
    with urllib.request.urlopen(f"{url}/loki/api/v1/query_range?{query}") as answer:
        return answer.read().count(b'"values"')


def test_it_forwards_pushes_and_queries(loki):
    with loki_proxy(loki, Behaviour()) as proxy:
        LokiServer(proxy.url).put("one", "two")

        assert lines(loki) == lines(proxy.url) == 2


def test_a_loki_that_is_away_refuses_connections_until_it_comes_back(loki):
    with loki_proxy(loki, Behaviour(away=True)) as proxy:
        with pytest.raises(URLError, match="refused"):
            LokiServer(proxy.url).put("early")
        proxy.come_back()
        LokiServer(proxy.url).put("late")

    assert lines(loki) == 1


def test_a_slow_loki_takes_its_time(loki):
    with loki_proxy(loki, Behaviour(delay_seconds=0.3)) as proxy:
        begun = time.monotonic()
        LokiServer(proxy.url).put("line")

        assert time.monotonic() - begun >= 0.3
    assert lines(loki) == 1


def test_a_busy_loki_refuses_the_first_pushes_only(loki):
    with loki_proxy(loki, Behaviour(refusals=2)) as proxy:
        statuses = []
        for attempt in ("first", "second", "third", "fourth"):
            try:
                LokiServer(proxy.url).put(attempt)
                statuses.append("taken")
            except HTTPError as error:
                error.close()
                statuses.append(error.code)

    assert statuses == [429, 429, "taken", "taken"]
    assert lines(loki) == 2


def test_it_says_so_when_the_loki_behind_it_is_gone():
    with (
        loki_proxy("http://127.0.0.1:1", Behaviour()) as proxy,
        pytest.raises(HTTPError, match="502") as raised,
    ):
        LokiServer(proxy.url).put("line")
    raised.value.close()
