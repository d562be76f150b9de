"""The examinations. To import this package is to add them all to EXAMINATIONS."""

from airflow_platform.doctor.examinations import (
    clocks,
    creation,
    database,
    external_secrets,
    flux,
    ingresses,
    jobs,
    kinds,
    loki,
    monitors,
    nodes,
    pods,
    prometheus,
    references,
    release,
    services,
    storage,
    task_logs,
    task_pods,
    versions,
)
from airflow_platform.doctor.model import EXAMINATIONS, Examination

# In the order in which their findings help most: causes before symptoms.
MODULES = (
    release,
    kinds,
    flux,
    external_secrets,
    references,
    storage,
    nodes,
    creation,
    database,
    jobs,
    pods,
    services,
    ingresses,
    task_logs,
    task_pods,
    loki,
    monitors,
    prometheus,
    clocks,
    versions,
)


def in_order() -> list[Examination]:
    """Return the examinations in the order of MODULES, then of their files."""
    names = [module.__name__ for module in MODULES]
    return sorted(EXAMINATIONS.values(), key=lambda each: names.index(each.look.__module__))
