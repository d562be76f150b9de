"""The watch of pods, once kubectl has ended."""

from pathlib import Path

import pytest

from airflow_platform.cluster.cluster import Cluster
from airflow_platform.node.sidecar import pods
from airflow_platform.node.sidecar.pods import PodWatch
from airflow_platform.support.errors import PlatformError

KEY = ("a", "b")


@pytest.fixture(params=["", '{"type": "MODIFIED", "obj'], ids=["between lines", "within a line"])
def ended(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> PodWatch:
    """A watch whose kubectl tells of a pod, begins with more, and ends."""
    event = (
        '{"type": "ADDED", "object": {"metadata": {"namespace": "a", "name": "b"}, "status": {}}}'
    )
    kubectl = tmp_path / "kubectl"
    kubectl.write_text(f"#!/bin/sh\nprintf '%s\\n%s' '{event}' '{request.param}'\n")
    kubectl.chmod(0o755)
    monkeypatch.setattr(pods, "tool", lambda _: kubectl)
    watch = PodWatch(Cluster(None), "x=y")
    with watch, pytest.raises(PlatformError, match="The watch of pods has ended"):
        watch.wait(KEY, lambda _: False, "it ends", 30)
    return watch


def test_nobody_looks_for_news_in_it(ended: PodWatch) -> None:
    with pytest.raises(PlatformError, match="The watch of pods has ended"):
        ended.get(KEY)


def test_what_it_has_told_stays(ended: PodWatch) -> None:
    (pod,) = ended.of("a")
    assert pod["metadata"]["name"] == "b"
