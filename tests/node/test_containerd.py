"""What is understood of containerd."""

from pathlib import Path

import pytest

from airflow_platform.node.containerd import Containerd, full_name

# As ctr prints them.
EVENTS = """\
2026-01-31 10:20:30.5 +0000 UTC k8s.io /tasks/start {"container_id":"abc","pid":7}
2026-01-31 10:20:31.000000001 +0000 UTC k8s.io /tasks/exit \
{"container_id":"abc","id":"abc","pid":7,"exit_status":3,"exited_at":"2026-01-31T10:20:31Z"}
2026-01-31 10:20:32 +0000 UTC k8s.io /images/create {"name":"docker.io/x/y:1"}
not an event
"""


def test_events_have_times_in_nanoseconds(tmp_path: Path) -> None:
    log = tmp_path / "events.log"
    log.write_text(EVENTS, encoding="utf-8")
    start, end, image = Containerd(tmp_path / "socket", log).events()
    assert (start.topic, start.container) == ("/tasks/start", "abc")
    assert end.at - start.at == 500_000_001
    assert end.about["exit_status"] == 3
    assert image.container == ""


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("busybox:1", "docker.io/library/busybox:1"),
        ("apache/airflow:3.1.7", "docker.io/apache/airflow:3.1.7"),
        ("registry.k8s.io/git-sync/git-sync:v4", "registry.k8s.io/git-sync/git-sync:v4"),
        ("localhost:5000/x:1", "localhost:5000/x:1"),
    ],
)
def test_images_have_the_names_by_which_kubelet_asks(name: str, full: str) -> None:
    assert full_name(name) == full
