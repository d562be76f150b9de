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
    "a migration Job that is a hook": airflow(
        "airflow.migrateDatabaseJob.useHelmHooks would make the Job a hook",
        migrateDatabaseJob={"useHelmHooks": True},
    ),
    "a Job that creates the administrator and is a hook": airflow(
        "airflow.createUserJob.useHelmHooks would make the Job a hook",
        createUserJob={"useHelmHooks": True},
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
