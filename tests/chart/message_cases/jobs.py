"""Jobs that would be made twice, or not at all."""

from collections.abc import Mapping

from .case import Case, airflow

CASES: Mapping[str, Case] = {
    "two migration Jobs": airflow(
        "airflow.migrateDatabaseJob.enabled would make the Job a second time",
        migrateDatabaseJob={"enabled": True},
    ),
    "two Jobs that create the administrator": airflow(
        "airflow.createUserJob.enabled would make the Job a second time",
        createUserJob={"enabled": True},
    ),
    "an administrator described in the deprecated place": airflow(
        "airflow.webserver.defaultUser.enabled would make the Job that creates the administrator",
        webserver={"defaultUser": {"enabled": True}},
    ),
    "a Job that is not YAML": airflow(
        "airflow.migrateDatabaseJob: the official chart's Job is not valid YAML",
        migrateDatabaseJob={"env": [{"name": 'X{{ "\\n}" }}'}]},
    ),
}
