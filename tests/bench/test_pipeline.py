"""bench pipeline: what it leaves out, and one run with a real Vector."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from airflow_platform import cli
from airflow_platform.bench import pipeline_command
from airflow_platform.bench.pipeline import variants
from airflow_platform.bench.sidecar_files import sidecar_files
from airflow_platform.support import strict_yaml


def shipped() -> dict[str, Any]:
    config: dict[str, Any] = strict_yaml.load_file(sidecar_files() / "vector.yaml")
    return config


def inputs(config: Mapping[str, Any]) -> set[str]:
    steps = (*config["transforms"].values(), *config["sinks"].values())
    return {each.partition(".")[0] for step in steps for each in step["inputs"]}


def test_each_variant_leaves_one_thing_out_and_is_connected() -> None:
    config = shipped()
    made = variants(config)
    assert made["as shipped"] == config
    assert "redact" not in made["without redaction"]["transforms"]
    assert "split" not in made["without split"]["transforms"]
    assert "redaction_count" not in made["without redacted"]["sinks"]
    assert not made["file source alone"]["transforms"]
    for name, variant in made.items():
        assert inputs(variant) <= variant["transforms"].keys() | {"task_logs"}, name
        assert name == "as shipped" or variant != config, name
    assert config == shipped(), "it is left as it was"


def test_the_default_size_of_chunks_is_that_of_the_sidecar() -> None:
    drain = (sidecar_files() / "drain.sh").read_text(encoding="utf-8")
    assert f'"${{VECTOR_CHUNK_SIZE_EVENTS:={pipeline_command.CHUNK_SIZE}}}"' in drain


def test_a_run_prints_each_variant(
    vector: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VECTOR", str(vector))
    arguments = ["bench", "pipeline", "--lines", "500", "--repeat", "1", "--output", "json"]
    assert cli.main(arguments) == 0
    costs = json.loads(capsys.readouterr().out)
    assert [cost["configuration"] for cost in costs] == list(variants(shipped()))
    assert all(cost["anonymous_bytes"] > 0 for cost in costs)


def test_without_a_vector_it_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VECTOR", "/nowhere/vector")
    assert cli.main(["bench", "pipeline"]) != 0
    assert "set VECTOR to its binary" in capsys.readouterr().err
