"""What a control plane says when it cannot start. tests/e2e has those that do."""

from pathlib import Path

import pytest

from airflow_platform.cluster import cluster, control_plane, programs
from airflow_platform.support.errors import PlatformError


def test_a_program_that_ends_is_named_with_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\necho port taken >&2; exit 7\n", encoding="utf-8")
    broken.chmod(0o755)
    for module in (cluster, control_plane, programs):
        monkeypatch.setattr(module, "tool", lambda name: broken)
    logs = tmp_path / "logs"
    logs.mkdir()
    with (
        pytest.raises(PlatformError, match=r"(?s)etcd has ended with 7\. .*etcd\.log.*port taken"),
        control_plane.local_control_plane(logs),
    ):
        pass


def test_a_control_plane_that_is_never_ready_says_where_its_logs_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deaf = tmp_path / "deaf"
    deaf.write_text('#!/bin/sh\n[ "$1" != get ] || exit 1\nexec sleep 60\n', encoding="utf-8")
    deaf.chmod(0o755)
    for module in (control_plane, programs):
        monkeypatch.setattr(module, "tool", lambda name: deaf)
    monkeypatch.setattr(cluster, "tool", lambda name: Path("/bin/false"))
    monkeypatch.setattr(programs, "_READY_SECONDS", 0.2)
    message = f"The API server is not ready after 0 s.*{tmp_path}"
    with (
        pytest.raises(PlatformError, match=message),
        control_plane.local_control_plane(tmp_path),
    ):
        pass
