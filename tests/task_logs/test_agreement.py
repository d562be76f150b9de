"""drain.sh and the rest of what a render holds agree."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Mapping
from glob import glob as glob_files
from pathlib import Path
from typing import Any

import pytest

from .shipped import Shipped, shipped

# Vector's own variables; the drain passes them on.
OF_VECTOR = {"VECTOR_THREADS", "VECTOR_CHUNK_SIZE_EVENTS", "VECTOR_LOG", "SSL_CERT_FILE"}


def drain() -> str:
    return shipped().files["drain.sh"]


def defaults() -> dict[str, str]:
    """What drain.sh assigns to settings that are not in its environment."""
    return dict(re.findall(r'"\$\{([A-Z_]+):=([^}]*)\}"', drain()))


def test_the_header_names_each_setting_and_its_default() -> None:
    header, _ = drain().split("\nset -u", 1)
    documented = {}
    for names, text in re.findall(r"(?m)^#   ((?:[A-Z_]+(?:, )?)+)(.*)$", header):
        for name in names.split(", "):
            default = re.match(r" +(\S+)(?: {2}|$)", text)
            documented[name] = default[1] if default else ""
    assert documented == {
        name: default for name, default in defaults().items() if name not in OF_VECTOR
    }


@pytest.mark.parametrize("settings", [{}, {"maxLineBytes": 2_000_000}], ids=["default", "own"])
def test_vector_yaml_agrees(settings: Mapping[str, Any]) -> None:
    sidecar = shipped(settings)
    of_drain = defaults() | sidecar.environment()
    data = sidecar.config["data_dir"]
    assert data == of_drain["DATA_DIR"]
    assert list(sidecar.config["sources"]) == [of_drain["SOURCE_ID"]]
    source = sidecar.config["sources"][of_drain["SOURCE_ID"]]
    assert str(source["max_line_bytes"]) == of_drain["MAX_LINE_BYTES"]
    assert str(source["max_read_bytes"]) == of_drain["MAX_READ_BYTES"]
    assert source["fingerprint"] == {"strategy": "device_and_inode"}, "checkpoints are by inode"
    assert f"{data}/tails/**/*.log*" in source["include"]
    assert sidecar.config["sinks"]["redaction_count"]["path"] == f"{data}/redacted"


def mounted(sidecar: Shipped) -> set[str]:
    return {mount["mountPath"] for mount in sidecar.container["volumeMounts"]}


def test_what_it_reads_and_writes_is_mounted() -> None:
    sidecar = shipped()
    assert {defaults()["LOG_ROOT"], defaults()["DATA_DIR"]} <= mounted(sidecar)
    assert sidecar.container["workingDir"] in mounted(sidecar), "the ConfigMap, which is copied"


FILES = (
    "dag_id=d/run_id=r/task_id=t/attempt=1.log",
    "dag_id=d/run_id=r/task_id=t/map_index=3/attempt=12.log",
    "dag_id=d/run_id=r/task_id=t/attempt=1.log.trigger.5.log",
    "dag_id=d/run_id=r/task_id=t/attempt=1.log.1",
    "dag_id=d/run_id=r/task_id=t/attempt=1.txt",
    "dag_id=d/run_id=r/task_id=t/try=1.log",
    "attempt=1.log",
    ".output/output.log",
    ".output/attempt=output.log",
    "scheduler/2026-11-21/dags/probe.py.log",
    "scheduler/top.log",
    "scheduler/2026-11-21/probe.txt",
    "dag_processor/2026-11-21/bundle/probe.py.log",
    "dag_processor/top.log",
    "dag_processor_manager/dag_processor_manager.log",
    "dag_processor_manager/2026-11-21/old.log",
    "dag_processor_manager/notes.txt",
    "other/probe.log",
    "nested/scheduler/probe.log",
)


def test_the_drain_audits_the_files_that_vector_reads(
    shell: tuple[tuple[str, ...], str], tmp_path: Path
) -> None:
    command, tools = shell
    for name in FILES:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x\n")
        path.with_name(f"attempt=empty-{path.name}").touch()
    (tmp_path / "scheduler" / "latest").symlink_to("2026-11-21")
    (tmp_path / "attempt=link.log").symlink_to("attempt=1.log")
    elsewhere = tmp_path.with_name(f"{tmp_path.name}-elsewhere.log")
    elsewhere.write_text("x\n")
    (tmp_path / "attempt=leaves.log").symlink_to(elsewhere)
    (tmp_path / "attempt=broken.log").symlink_to("nothing")
    sidecar = shipped()
    include = map(Path, sidecar.config["sources"]["task_logs"]["include"])
    log_root = defaults()["LOG_ROOT"]
    globs = [glob.relative_to(log_root) for glob in include if glob.is_relative_to(log_root)]
    included = {
        path.resolve()
        for glob in globs
        for name in glob_files(  # noqa: PTH207
            str(glob), root_dir=tmp_path, recursive=True, include_hidden=True
        )
        if (path := tmp_path / name).is_file() and path.stat().st_size
    }
    function = re.search(r"(?ms)^log_files\(\) \{$.*?^\}$", drain())
    assert function
    done = subprocess.run(
        [*command, "-c", f"{function[0]}\nlog_files -type f -size +0c"],
        env={"PATH": tools, "LOG_ROOT": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert {(tmp_path / line).resolve() for line in done.stdout.splitlines()} == included
    assert {tmp_path / "attempt=1.log", tmp_path / "scheduler" / "top.log", elsewhere} <= included
    assert tmp_path / "other" / "probe.log" not in included


# --- The program ---


def test_shellcheck(program: Callable[[str], Path], tmp_path: Path) -> None:
    for name, text in shipped().files.items():
        if name.endswith(".sh"):
            (tmp_path / name).write_text(text)
    check = subprocess.run(
        [program("shellcheck"), "--shell=sh", "--severity=style", *tmp_path.iterdir()],
        capture_output=True,
        text=True,
    )
    assert check.returncode == 0, check.stdout


@pytest.mark.parametrize(
    ("settings", "read"),
    [
        ({}, False),
        ({"loki": {"endpoint": "https://loki.example.com"}}, True),
        ({"extraSinks": {"archive": {"type": "aws_s3"}}}, True),
        ({"extraTransforms": [{"id": "mine", "type": "remap", "source": "."}]}, True),
    ],
)
def test_vector_reads_the_certificates_of_authorities_only_where_something_may_need_them(
    settings: dict[str, Any], read: bool
) -> None:
    assert (shipped(settings).environment().get("SSL_CERT_FILE") != "/dev/null") == read
