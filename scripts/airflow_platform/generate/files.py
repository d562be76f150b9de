"""The generated files of this repository: made from one source each, and committed."""

from pathlib import Path

from airflow_platform import dashboards
from airflow_platform.component_logs import references
from airflow_platform.doctor import documentation as doctor
from airflow_platform.generate import airflow_keys, reference, schema
from airflow_platform.metrics import labels
from airflow_platform.network import table
from airflow_platform.support.project import ADDON, ROOT


def generated() -> dict[Path, str]:
    """Return the text of each generated file of the repository by its path."""
    return {
        ADDON / "values.schema.json": schema.with_descriptions(ADDON),
        ROOT / "values.schema.json": schema.with_descriptions(ROOT),
        ROOT / "docs" / "values.md": reference.text(),
        doctor.FILE: doctor.text(),
        labels.FILE: labels.text(),
        table.FILE: table.text(),
        airflow_keys.FILE: airflow_keys.text(),
        **references.generated(),
        **{dashboards.DIRECTORY / name: text for name, text in dashboards.generate().items()},
    }


def outdated() -> dict[Path, str]:
    """Return the generated files that are missing or differ, with their right text."""
    return {
        path: text
        for path, text in generated().items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    }


def write() -> list[Path]:
    """Write the generated files that are out of date; return their paths."""
    files = outdated()
    for path, text in files.items():
        path.write_text(text, encoding="utf-8")
    return list(files)
