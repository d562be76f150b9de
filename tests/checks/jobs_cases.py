"""What the checks must report of what a release has for jobs."""

import json
from typing import Any

from .conftest import Edits

OF_NAMESPACE = ".lakehouse-platform"
ADAPTER = "ConfigMap/airflow-jobs-adapter"
PLATFORM = f"{ADAPTER} data platform.json"
ROLE = f"Role/airflow-jobs-launcher{OF_NAMESPACE}"
BINDING = f"RoleBinding/airflow-jobs-launcher{OF_NAMESPACE}"
POLICY = f"NetworkPolicy/airflow-jobs{OF_NAMESPACE}"
ACCOUNT = "ServiceAccount/job-runner"


def platform(**changes: Any) -> str:
    """The file platform.json of the release, with changes."""
    return json.dumps(
        {
            "namespace": "lakehouse-platform",
            "service_account": "job-runner",
            "image_pull_secrets": [],
            "labels": {
                "app.kubernetes.io/instance": "airflow",
                "app.kubernetes.io/part-of": "airflow-platform",
                "workflow-orchestration/release-namespace": "lakehouse-platform",
            },
            **changes,
        }
    )


def specifications(**files: str) -> Edits:
    """The ConfigMap with the workflow sales, whose files have these texts."""
    names = ("app.kubernetes.io/name", "app.kubernetes.io/component")
    return {
        "ConfigMap/airflow-jobs": {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": "airflow-jobs",
                "namespace": "lakehouse-platform",
                "labels": {
                    **dict.fromkeys(names, "jobs"),
                    "app.kubernetes.io/part-of": "airflow-platform",
                },
            },
            "data": {f"sales--{name.replace('__', '--')}.yaml": files[name] for name in files},
        }
    }


TASKS = "ConfigMap/airflow-config data pod_template_file.yaml spec"
BASE = f"{TASKS} containers base"
# Other containers that read DAGs or run tasks.
OTHERS = ("dag-processor", "scheduler", "triggerer", "worker")

GOOD = "job:\n  name: load\n  image: registry.example.com/load:1.2\n"

BROKEN: dict[str, list[tuple[Edits, str]]] = {
    "job_specifications_are_valid": [
        (
            specifications(
                jobs__load="job:\n  name: load\n  imagee: registry.example.com/load:1\n"
            ),
            "sales--jobs--load.yaml:3:3: ",
        ),
        (
            specifications(
                jobs__load=GOOD, workflow="workflow:\n  dependencies:\n    load: [extract]\n"
            ),
            "sales--workflow.yaml:3:",
        ),
        (specifications(), "there is no workflow here"),
        (
            specifications(jobs__load=GOOD, workflow="workflow:\n  namespace: team-b\n"),
            "the workflow sales is for the namespace team-b: add it to jobs.namespaces",
        ),
    ],
    "jobs_have_their_adapter": [
        ({PLATFORM: platform(namespace="default")}, "the namespace must be the release's"),
        ({PLATFORM: platform(labels={})}, "the labels must name the release"),
        (
            {PLATFORM: platform(labels={"app.kubernetes.io/instance": "airflow"})},
            "the labels must name the release",
        ),
        ({f"{ADAPTER} metadata name": "another"}, "must mount the ConfigMap another at"),
        ({f"{BASE} volumeMounts airflow-jobs-adapter": None}, 'main container "base"'),
        (
            {f"{BASE} volumeMounts airflow-jobs-adapter mountPath": "/opt/airflow_jobs"},
            "must mount the ConfigMap airflow-jobs-adapter at /config/airflow_jobs",
        ),
        *(({f"{TASKS} containers +": {"name": name}}, f'"{name}"') for name in OTHERS),
    ],
    "job_specifications_are_in_the_dags_folder": [
        (specifications(jobs__load=GOOD), "must mount the ConfigMap airflow-jobs at /jobs"),
    ],
    "jobs_can_be_started": [
        ({f"{ACCOUNT} automountServiceAccountToken": None}, "jobs need no token"),
        ({f"{ACCOUNT} automountServiceAccountToken": True}, "jobs need no token"),
        ({PLATFORM: platform(service_account="jobs")}, "there is no ServiceAccount jobs"),
        (
            {f"{ADAPTER} metadata annotations airflow-platform/namespaces": "lakehouse-platform,b"},
            "there is none in the namespace b",
        ),
        ({f"{ROLE} rules": []}, "rules must allow"),
        (
            {f"{ROLE} rules +": {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}},
            "and no more",
        ),
        ({f"{BINDING} roleRef name": "another"}, "roleRef must be a Role in its namespace"),
        ({f"{BINDING} roleRef kind": "ClusterRole"}, "roleRef must be a Role in its namespace"),
        ({f"{BINDING} metadata namespace": "team-b"}, "roleRef must be a Role in its namespace"),
        (
            {f"{BINDING} subjects airflow-worker namespace": "team-a"},
            "airflow-worker must be a ServiceAccount of the release",
        ),
    ],
    "network_policies_of_jobs_are_about_jobs": [
        (
            {f"{POLICY} spec podSelector matchLabels app.kubernetes.io/component": "jobs"},
            "spec.podSelector.matchLabels must be",
        ),
        ({PLATFORM: platform(labels={"team": "a"})}, "spec.podSelector.matchLabels must be"),
        ({f"{POLICY} spec policyTypes": ["Egress"]}, "must be Ingress and Egress"),
        ({f"{POLICY} spec egress": []}, "spec.policyTypes must be Ingress"),
    ],
    "namespaces_are_consistent": [
        (
            {
                f"{ROLE} metadata namespace": "team-a",
                f"{ROLE} metadata labels app.kubernetes.io/component": "another",
            },
            'namespace "team-a" is not the release\'s',
        ),
        ({f"{ROLE} metadata namespace": "team-b"}, 'namespace "team-b" is not the release\'s'),
    ],
}

ALLOWED: dict[str, list[Edits]] = {
    "jobs_have_their_adapter": [
        # Pods that do not read DAGs, and an executor without pods of tasks.
        {f"{TASKS} containers +": {"name": "api-server"}},
        {"ConfigMap/airflow-config data pod_template_file.yaml": None},
    ],
    "job_specifications_are_valid": [
        specifications(jobs__load=GOOD),
        specifications(jobs__load=GOOD, workflow="workflow:\n  namespace: team-a\n"),
        # Without accounts and roles of ours.
        {
            **specifications(jobs__load=GOOD, workflow="workflow:\n  namespace: team-a\n"),
            **dict.fromkeys((ROLE, BINDING, ACCOUNT)),
        },
    ],
    "network_policies_of_jobs_are_about_jobs": [
        {f"{POLICY} spec egress": [], f"{POLICY} spec policyTypes": ["Ingress"]}
    ],
}
