"""A Loki with what a test puts in."""

from collections.abc import Iterator

import pytest

from airflow_platform.bench.capture.loki import built_in_loki

from ..loki_server import LokiServer


@pytest.fixture
def loki() -> Iterator[LokiServer]:
    with built_in_loki() as url:
        yield LokiServer(url)
