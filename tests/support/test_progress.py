import pytest

from airflow_platform.support import progress as module
from airflow_platform.support.progress import progress


def test_what_is_quick_says_nothing(capsys):
    with progress("Building helm"):
        pass
    assert capsys.readouterr().err == ""


def test_what_takes_long_says_so_on_stderr_only(capsys, monkeypatch):
    monkeypatch.setattr(module, "_QUIET_SECONDS", 0)
    with progress("Building helm"):
        pass
    output = capsys.readouterr()
    assert "Building helm took 0 s" in output.err
    assert output.out == ""


def test_a_failure_passes_through(monkeypatch):
    monkeypatch.setattr(module, "_QUIET_SECONDS", 0)
    with pytest.raises(ValueError, match="broken"), progress("Building helm"):
        raise ValueError("broken")
