"""What is refused about the delivery of jobs."""

from typing import Any

from .case import Case, wrapper

FOLDER = "examples/workflows"
INLINE: dict[str, Any] = {
    "hello": {"jobs": {"greet": {"image": "registry.example.com/greet:1.0"}}},
}

NO_TOKEN = {"serviceAccount": {"automountServiceAccountToken": False}}
CELERY = {
    "executor": "CeleryExecutor",
    "redis": {"enabled": True, "passwordSecretName": "airflow-redis"},
    "data": {"brokerUrlSecretName": "airflow-broker"},
}
WITHOUT_TOKEN: dict[str, dict[str, Any]] = {
    "triggerer": {"triggerer": NO_TOKEN},
    "workers": {"workers": NO_TOKEN},
    "scheduler": {"executor": "LocalExecutor", "scheduler": NO_TOKEN},
    "workers.celery": {**CELERY, "workers": {"celery": NO_TOKEN}},
    "workers.celery.sets[1]": {
        **CELERY,
        "workers": {"celery": {"sets": [{"name": "small"}, {"name": "large", **NO_TOKEN}]}},
    },
}
POD_TEMPLATE = """{{- $pod := include "observability.taskLogs.podTemplate" . | fromYaml }}
{{- range $pod.spec.containers }}
{{- $_ := set . "volumeMounts" list }}
{{- end }}
{{- toYaml $pod }}
"""


def jobs(message: str, airflow: Any = None, environment: str = "dev", **values: Any) -> Case:
    """Values of the wrapper below ``jobs:``, with jobs on, and nothing to refuse of task logs."""
    values = {
        "jobs": {"enabled": True, **values},
        "airflow": airflow or {},
        "global": {"taskLogs": {"enabled": False}},
    }
    return wrapper(message, values, environment=environment)


CASES: dict[str, Case] = {
    "jobs beside an Airflow of another chart": wrapper(
        "jobs.enabled is for the Airflow that this chart installs",
        {"jobs": {"enabled": True}, "airflow": {"enabled": False}},
    ),
    "jobs that Airflow may not launch": jobs(
        "With airflow.allowPodLaunching: false Airflow may start no pods, and jobs",
        {"allowPodLaunching": False},
    ),
    **{
        f"jobs without a token in {path}": jobs(
            f"Pods with airflow.{path}.serviceAccount.automountServiceAccountToken: false cannot",
            airflow,
        )
        for path, airflow in WITHOUT_TOKEN.items()
    },
    "jobs without the package in task pods": jobs(
        "Task pods of your airflow.podTemplate would run no job: their container base does not",
        {"podTemplate": POD_TEMPLATE},
    ),
    "jobs of a folder and git-sync": jobs(
        "With airflow.dags.gitSync.enabled your DAGs are in a volume, to which jobs.folder",
        environment="prod",
        folder=FOLDER,
    ),
    "jobs in the values and a volume with DAGs": jobs(
        "With airflow.dags.persistence.enabled your DAGs are in a volume, to which jobs.folder",
        {"dags": {"gitSync": {"enabled": False}, "persistence": {"enabled": True}}},
        environment="prod",
        workflows=INLINE,
    ),
    "a volume with the name of that of jobs": jobs(
        "airflow.triggerer.extraVolumes has a volume airflow-jobs-adapter, which is the name",
        {"triggerer": {"extraVolumes": [{"name": "airflow-jobs-adapter", "emptyDir": {}}]}},
    ),
    "jobs of a folder that is not there": jobs('jobs.folder is "workflow"', folder="workflow"),
    "jobs of the folder of one workflow": jobs(
        "Specifications in jobs.folder that are not read: jobs/extract-customers.yaml, ",
        folder=f"{FOLDER}/sales",
    ),
    "jobs of the folder above": jobs(
        "Specifications in jobs.folder that are not read: workflows/sales/jobs/extract-customers",
        folder="examples",
    ),
    **{
        f"jobs as the account {name}": jobs(
            f'jobs.serviceAccount.name is "{name}", which is an account of Airflow or of each',
            serviceAccount={"name": name},
        )
        for name in ("default", "airflow-worker", "airflow-api-server", "airflow-create-user-job")
    },
    "a workflow in the folder and in the values": jobs(
        "The workflow sales is in jobs.folder and in jobs.workflows",
        folder=FOLDER,
        workflows={"sales": INLINE["hello"]},
    ),
    "a workflow whose name has two hyphens": jobs(
        'A name in jobs.workflows has "--", which stands for "/" in a ConfigMap: good--day.',
        workflows={"good--day": INLINE["hello"]},
    ),
    "a job whose name has two hyphens": jobs(
        'A name in jobs.workflows has "--", which stands for "/" in a ConfigMap: greet--all.',
        workflows={"hello": {"jobs": {"greet--all": {"image": "registry.example.com/greet:1.0"}}}},
    ),
    "jobs that a ConfigMap cannot hold": jobs(
        "The workflows of jobs.folder and jobs.workflows are larger than the 1 MiB",
        workflows={
            "large": {"jobs": {"a": {"image": "a:1", "env": {"TEXT": "0123456789" * 100_000}}}}
        },
    ),
}
