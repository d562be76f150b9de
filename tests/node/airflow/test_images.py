"""Which paths of this machine the pods of an Airflow have."""

from pathlib import Path

import pytest

from airflow_platform.node.airflow.images import paths


@pytest.mark.parametrize(("python", "own"), [("/usr/bin", False), ("/opt/python/bin", True)])
def test_no_path_is_there_twice(tmp_path: Path, python: str, own: bool) -> None:
    (tmp_path / "venv").mkdir()
    (tmp_path / "venv" / "pyvenv.cfg").write_text(f"home = {python}\n", encoding="utf-8")
    found = paths(tmp_path)
    assert len({*found.values()}) == len(found)
    assert ("python" in found) is own
    assert found["airflow"] == tmp_path / "venv"
