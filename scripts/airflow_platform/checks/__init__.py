"""What must hold for every render, whatever chart and values it came from.

CHECKS holds all checks by name. Each covers all containers (init containers, native sidecars and
the pod template in Airflow's ConfigMap included) unless it says that it looks at ours only.
"""

from airflow_platform.checks import (
    dashboards,
    leftovers,
    lifecycle,
    monitoring,
    names,
    references,
    secrets,
    security,
)
from airflow_platform.checks.violations import CHECKS, NotCheckedError, Violation

__all__ = [
    "CHECKS",
    "NotCheckedError",
    "Violation",
    "dashboards",
    "leftovers",
    "lifecycle",
    "monitoring",
    "names",
    "references",
    "secrets",
    "security",
]
