"""A real Loki by its own configuration file."""

from datetime import UTC, datetime, timedelta

import pytest

from airflow_platform.loki.client import Loki
from airflow_platform.node import loki as module
from airflow_platform.node.loki import local_loki
from airflow_platform.support.errors import PlatformError

from ..loki_server import LokiServer


def found(url: str) -> list[str]:
    now = datetime.now(UTC)
    hour = timedelta(hours=1)
    client = Loki(url, {}, tenant="", ca_file=None)
    return [entry.line for entry in client.entries('{dag_id="demo"}', now - hour, now + hour)]


@pytest.mark.xdist_group("real Loki")
def test_it_takes_lines_without_a_tenant(program, tmp_path):
    program("loki")
    with local_loki(tmp_path) as url:
        LokiServer(url).put("one", "two")

        assert found(url) == ["one", "two"]


def test_a_loki_that_does_not_start_is_told_of_with_what_it_said(tmp_path, monkeypatch):
    bad = tmp_path / "loki"
    bad.write_text("#!/bin/sh\necho 'no such schema' >&2\nexit 1\n", encoding="utf-8")
    bad.chmod(0o755)
    monkeypatch.setattr(module, "tool", lambda name: bad)

    with (
        pytest.raises(PlatformError, match=r"Loki has ended(.|\n)*no such schema"),
        local_loki(tmp_path),
    ):
        pass
