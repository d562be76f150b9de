"""Runs the command adopt as people do."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from airflow_platform import cli
from airflow_platform.support import strict_yaml


@dataclass(frozen=True)
class Adopted:
    """What the command has said: its exit code, the new values, and the report."""

    code: int
    values: Mapping[str, Any]
    report: Mapping[str, Any]


@pytest.fixture
def adopt(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Adopted]:
    """Adopt a release with these values of its owner; ``manifest`` is a text."""

    def run(values: Mapping[str, Any], *options: str, manifest: str | None = None) -> Adopted:
        given, written = tmp_path / "values.yaml", tmp_path / "adopted.yaml"
        given.write_text(json.dumps(values))
        if manifest is not None:
            (tmp_path / "manifest.yaml").write_text(manifest)
            options = (*options, "--manifest", str(tmp_path / "manifest.yaml"))
        arguments = ["adopt", str(given), "--output", str(written), "--format", "json", *options]
        code = cli.main(arguments)
        report = json.loads(capsys.readouterr().out)
        new_values = strict_yaml.load_file(written) or {}
        assert new_values == report["values"]
        return Adopted(code, new_values, report)

    return run


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run the command with these arguments; return its exit code, stdout and stderr."""

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        try:
            code = cli.main(["adopt", *map(str, arguments)])
        except SystemExit as stopped:
            code = int(str(stopped.code))
        said = capsys.readouterr()
        errors = [line for line in said.err.splitlines() if not line.startswith("Rendering with")]
        return code, said.out, "\n".join(errors)

    return run
