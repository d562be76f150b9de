"""Where things are in this repository."""

import difflib
from pathlib import Path

from airflow_platform.errors import PlatformError

ROOT = Path(__file__).resolve().parents[2]
ADDON = ROOT / "chart"

RELEASE = "airflow"
NAMESPACE = "lakehouse-platform"
KUBE_VERSION = "1.33.0"


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


def did_you_mean(word: str, known: tuple[str, ...]) -> str:
    """Return a question for messages with the names near ``word``, "" when there are none."""
    near = difflib.get_close_matches(word, known, n=3, cutoff=0.5)
    quoted = " or ".join(f'"{name}"' for name in near)
    return f" (did you mean {quoted}?)" if near else ""
