"""The generated files of the references in examples/component-logs."""

from pathlib import Path

from airflow_platform.component_logs import alloy
from airflow_platform.rendering.render import render
from airflow_platform.support.project import ADDON, ROOT

DIRECTORY = ROOT / "examples" / "component-logs"


def generated() -> dict[Path, str]:
    """Return the text of each generated file of ``DIRECTORY`` by its path.

    The Vector agent runs the programs of the sidecar as they are, with the add-on's default values.
    """
    (config,) = render(chart="add-on").embedded("VectorConfig")
    programs: dict[str, str] = config.owner.at("data")
    vector = {
        DIRECTORY / "vector" / name: programs[name]
        for name in ("redact.vrl", "parse.vrl", "split.vrl")
    }
    patterns = ADDON / "files" / "task-logs" / "redaction-patterns.yaml"
    return {**vector, DIRECTORY / "alloy" / "redaction.alloy": alloy.redaction(patterns)}
