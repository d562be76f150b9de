"""Renders of a chart with a folder ``dags`` of its own."""

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from airflow_platform.rendering.helm import MAJORS, run
from airflow_platform.rendering.staging import stage
from airflow_platform.rendering.upstream import find_upstream
from airflow_platform.support.project import KUBE_VERSION, values_file

Files = Mapping[str, str | bytes]

# What cannot be delivered, by what is said about it.
REFUSED: Mapping[str, Files] = {
    "A name in dags.folder has what no file in a ConfigMap can have: größe.py": {"größe.py": ""},
    'A name in dags.folder has "--", which stands for "/" in a ConfigMap: a--b.py': {"a--b.py": ""},
    "A file in dags.folder is no text in UTF-8: model.bin": {"model.bin": b"\xff\xfe\x00"},
    "The files in dags.folder are larger than the 1 MiB that a ConfigMap holds: 1000001 bytes": {
        "a.py": "#" * 600_000,
        "more/b.py": "#" * 400_001,
    },
    'dags.folder is "dags", which has no files in this chart\'s directory': {
        "__pycache__/a.cpython-312.pyc": b"\xa7"
    },
}


def template(
    folder: Path, files: Files, helm: int = MAJORS[-1]
) -> subprocess.CompletedProcess[str]:
    """Let Helm render dev with these files; ``folder`` is an empty directory for the chart."""
    chart = shutil.copytree(stage(find_upstream()), folder / "chart")
    for name, content in files.items():
        path = chart / "dags" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    settings = "exampleDag.enabled=false,dags.folder=dags"
    command = ["template", "airflow", str(chart), "--values", str(values_file("dev"))]
    return run(helm, [*command, "--set", settings, "--kube-version", KUBE_VERSION])
