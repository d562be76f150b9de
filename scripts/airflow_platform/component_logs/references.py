"""The generated file of the references in examples/component-logs."""

from pathlib import Path

from airflow_platform.component_logs import alloy
from airflow_platform.support.project import ADDON, ROOT

DIRECTORY = ROOT / "examples" / "component-logs"


def generated() -> dict[Path, str]:
    """Return the text of each generated file of ``DIRECTORY`` by its path."""
    patterns = ADDON / "files" / "task-logs" / "redaction-patterns.yaml"
    return {DIRECTORY / "alloy" / "redaction.alloy": alloy.redaction(patterns)}
