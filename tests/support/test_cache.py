import os
import time

import pytest

from airflow_platform.support import cache


def test_what_is_published_is_complete_or_not_there(tmp_path):
    def fail(target):
        target.write_text("half")
        raise RuntimeError("interrupted")

    with pytest.raises(RuntimeError, match="interrupted"):
        cache.publish(tmp_path / "content", fail)
    assert list(tmp_path.iterdir()) == []


def test_content_is_built_once(tmp_path):
    cache.publish(tmp_path / "content", lambda target: target.write_text("first"))
    published = cache.publish(tmp_path / "content", lambda target: target.write_text("second"))
    assert published.read_text() == "first"


@pytest.mark.parametrize("kind", ["file", "directory"])
def test_the_first_of_two_processes_wins(tmp_path, kind):
    def create(target):
        if kind == "file":
            target.write_text("same")
        else:
            target.mkdir()
            (target / "file").write_text("same")

    def build_while_another_does(target):
        create(tmp_path / "content")
        create(target)

    assert cache.publish(tmp_path / "content", build_while_another_does).exists()
    assert [path.name for path in tmp_path.iterdir()] == ["content"]


def test_what_nobody_used_for_long_is_removed(tmp_path):
    for name in ("unused", "used"):
        (tmp_path / name).write_text("")
    (tmp_path / "unused-directory").mkdir()
    long_ago = time.time() - 30 * 24 * 3600
    for name in ("unused", "unused-directory"):
        os.utime(tmp_path / name, (long_ago, long_ago))
    cache.publish(tmp_path / "new", lambda target: target.write_text(""))
    assert {path.name for path in tmp_path.iterdir()} == {"used", "new"}


def test_the_cache_is_where_xdg_says(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache.cache_dir("a", "b") == tmp_path / "airflow-platform" / "a" / "b"
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache.cache_dir("c") == tmp_path / ".cache" / "airflow-platform" / "c"
