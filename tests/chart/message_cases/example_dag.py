"""What is refused about the example DAG."""

from .case import Case, wrapper

CASES: dict[str, Case] = {
    "example DAG and git-sync": wrapper(
        "With airflow.dags.gitSync.enabled your DAGs are in a volume",
        {"airflow": {"dags": {"gitSync": {"enabled": True}}}},
        environment="dev",
    ),
    "example DAG and a volume with DAGs": wrapper(
        "With airflow.dags.persistence.enabled your DAGs are in a volume",
        {"airflow": {"dags": {"persistence": {"enabled": True}}}},
        environment="dev",
    ),
    "example DAG that own volumes displace": wrapper(
        "The example DAG is on, but it is not mounted in all components",
        {
            "airflow": {
                "workers": {"extraVolumes": [{"name": "models", "emptyDir": {}}]},
                "dagProcessor": {"extraVolumeMounts": []},
            }
        },
        environment="dev",
    ),
    "example DAG without the volumes of dev": wrapper(
        "The example DAG is on, but it is not mounted in all components",
        {
            "exampleDag": {"enabled": True},
            "airflow": {"dags": {"gitSync": {"enabled": False}}},
        },
    ),
}
