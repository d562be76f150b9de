"""Where things are in this repository."""

from pathlib import Path

from airflow_platform.support.errors import PlatformError
from airflow_platform.support.spelling import did_you_mean

ROOT = Path(__file__).resolve().parents[3]
ADDON = ROOT / "chart"

RELEASE = "airflow"
NAMESPACE = "lakehouse-platform"
KUBE_VERSION = "1.36.0"


def environments() -> tuple[str, ...]:
    """Return the names of the environments: one per file ``values/<name>.yaml``."""
    return tuple(sorted(path.stem for path in (ROOT / "values").glob("*.yaml")))


def values_file(environment: str) -> Path:
    """Return the values file of ``environment``; PlatformError when there is none."""
    known = environments()
    if environment not in known:
        near = did_you_mean(environment, known)
        raise PlatformError(
            f'There is no environment "{environment}"{near}. Known: {", ".join(known) or "none"}'
            " (each is a file values/<name>.yaml)."
        )
    return ROOT / "values" / f"{environment}.yaml"
