"""What is in an image that is made of files of this machine."""

import io
import json
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from airflow_platform.node.image import Image
from airflow_platform.support.errors import PlatformError

NAME = "docker.io/example/image:1"


def saved(image: Image, directory: Path) -> tuple[dict[str, tarfile.TarInfo], dict[str, Any]]:
    """The files of an image by their paths, and its configuration."""
    image.save(NAME, archive := directory / "image.tar")
    with tarfile.open(archive) as outer:
        (manifest,) = json.load(outer.extractfile("manifest.json") or io.BytesIO())
        assert manifest["RepoTags"] == [NAME]
        config = json.load(outer.extractfile(manifest["Config"]) or io.BytesIO())
        with tarfile.open(fileobj=outer.extractfile(manifest["Layers"][0])) as layer:
            return {f"/{entry.name}": entry for entry in layer.getmembers()}, config


def test_a_program_comes_with_what_it_loads(tmp_path: Path, program: Callable[[str], Path]) -> None:
    files, _ = saved(Image(programs={"/bin/tool": program("dash")}), tmp_path)
    assert files["/bin/tool"].mode & 0o111
    assert {Path(path).name for path in files} >= {"tool", "libc.so.6"}


def test_the_shell_takes_programs_from_its_path(
    tmp_path: Path, program: Callable[[str], Path]
) -> None:
    for name in ("busybox", "nc.traditional"):
        program(name)
    files, _ = saved(Image(shell=True, programs={"/usr/bin/sleep": program("sleep")}), tmp_path)
    assert files["/bin/sh"].linkname == "dash"
    assert files["/bin/cat"].linkname == "busybox"
    assert files["/bin/nc"].isfile()
    assert "/bin/sleep" not in files, "the image has one of its own"


def test_files_keep_whether_they_can_be_run(tmp_path: Path) -> None:
    script = tmp_path / "run.sh"
    script.write_text("#!/bin/sh\n", encoding="utf-8")
    script.chmod(0o755)
    text = tmp_path / "text"
    text.write_text("x", encoding="utf-8")
    files, _ = saved(Image(files={"/run.sh": script, "/text": text}), tmp_path)
    assert {path: files[path].mode for path in ("/run.sh", "/text")} == {
        "/run.sh": 0o755,
        "/text": 0o644,
    }


def test_the_configuration_says_how_it_is_started(tmp_path: Path) -> None:
    image = Image(entrypoint=("/bin/x", "-v"), user="50000", environment={"HOME": "/home"})
    _, config = saved(image, tmp_path)
    assert config["config"]["Entrypoint"] == ["/bin/x", "-v"]
    assert config["config"]["User"] == "50000"
    assert "HOME=/home" in config["config"]["Env"]
    assert any(each.startswith("PATH=") for each in config["config"]["Env"])


def test_there_is_no_image_of_a_program_that_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(PlatformError, match="There is no program dash"):
        Image(shell=True).save(NAME, tmp_path / "image.tar")
