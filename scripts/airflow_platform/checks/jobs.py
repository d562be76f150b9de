"""What must be true of what the chart delivers for jobs (contracts/workflow-orchestration.md)."""

import json
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from airflow_jobs.loading import load_all
from airflow_jobs.problems import Problem, SpecificationError
from airflow_jobs.workflows import Workflow
from airflow_platform.checks.violations import CHECKS, Fault, is_ours
from airflow_platform.manifests import Manifest, Render

SPECIFICATIONS = "jobs"
ADAPTER = "jobs-adapter"
LAUNCHER = "jobs-launcher"
_NAMESPACES = "airflow-platform/namespaces"  # an annotation of the adapter
_COMPONENT = "app.kubernetes.io/component"
_INSTANCE = "app.kubernetes.io/instance"
_RELEASE_NAMESPACE = "workflow-orchestration/release-namespace"
_JOB = {_COMPONENT: "job"}  # as airflow_jobs labels the pods of jobs
_PACKAGE = "/config/airflow_jobs"
_FOLDER = "/jobs"
# Containers of Airflow that read DAGs or run tasks; "base" is that of a task's pod.
_READERS = {"base", "dag-processor", "scheduler", "triggerer", "worker"}

# What KubernetesPodOperator and its trigger do: (group, resource) -> verbs.
_NEEDED = {
    "pods": {"create", "delete", "get", "list", "patch", "watch"},
    "pods/log": {"get"},
    "events": {"list", "watch"},
}


def _of(render: Render, kind: str, component: str) -> list[Manifest]:
    return [
        each
        for each in render.all(kind)
        if is_ours(each) and each.labels.get(_COMPONENT) == component
    ]


def network_policies_of_jobs(render: Render) -> list[Manifest]:
    """Return our policies for pods of jobs, which Airflow makes when it runs the jobs."""
    return _of(render, "NetworkPolicy", SPECIFICATIONS)


def namespaces_with_jobs(render: Render) -> set[str]:
    """Return the namespaces in which the jobs of the release may run."""
    return {
        namespace
        for adapter in _of(render, "ConfigMap", ADAPTER)
        for namespace in adapter.annotations.get(_NAMESPACES, render.namespace).split(",")
    }


def is_in_each_namespace_with_jobs(manifest: Manifest) -> bool:
    """Say whether jobs need an object like this one in each namespace in which they run."""
    component = manifest.labels.get(_COMPONENT)
    of_component = {
        SPECIFICATIONS: {"NetworkPolicy", "ServiceAccount"},
        LAUNCHER: {"Role", "RoleBinding"},
    }
    return is_ours(manifest) and manifest.kind in of_component.get(component or "", ())


def _platforms(render: Render) -> Iterator[tuple[Manifest, Mapping[str, Any]]]:
    for adapter in _of(render, "ConfigMap", ADAPTER):
        yield adapter, json.loads(adapter.at("data", "platform.json"))


@CHECKS.add
def job_specifications_are_valid(render: Render) -> Iterator[Fault]:
    """Let the contract's validator read each specification, as the adapter will.

    A workflow in a namespace without rights for Airflow starts no job.
    """
    namespaces = namespaces_with_jobs(render)
    for config_map in _of(render, "ConfigMap", SPECIFICATIONS):
        with tempfile.TemporaryDirectory() as directory:
            for name, text in config_map.at("data").items():
                Path(directory, name).write_text(text, encoding="utf-8")
            workflows, problems = _read(Path(directory))
        for problem in problems:
            where = problem.file.name if problem.file != Path(directory) else "data"
            yield config_map, f"{where}:{problem.line}:{problem.column}: {problem.message}"
        for workflow in workflows:
            namespace = workflow.settings.get("namespace", render.namespace)
            if namespace not in namespaces:
                what = f"the workflow {workflow.name} is for the namespace {namespace}"
                yield config_map, f"{what}: add it to jobs.namespaces in the values"


def _read(folder: Path) -> tuple[list[Workflow], list[Problem]]:
    """Return the workflows without errors, and the errors of the others."""
    try:
        found = load_all(folder)
    except SpecificationError as error:
        return [], list(error.problems)
    errors = [error for each in found for error in each.errors]
    return [each.workflow for each in found if not each.errors], errors


@CHECKS.add
def jobs_have_their_adapter(render: Render) -> Iterator[Fault]:
    """Mount the package where Python finds it, in all containers that may import it."""
    for adapter, platform in _platforms(render):
        yield from _not_mounted(render, adapter, _PACKAGE)
        if platform.get("namespace") != (adapter.namespace or render.namespace):
            yield adapter, "platform.json: the namespace must be the release's"
        labels = platform.get("labels") or {}
        release = {
            _INSTANCE: adapter.labels.get(_INSTANCE),
            _RELEASE_NAMESPACE: adapter.namespace or render.namespace,
        }
        if not release.items() <= labels.items():
            yield adapter, f"platform.json: the labels must name the release: {release}"


@CHECKS.add
def job_specifications_are_in_the_dags_folder(render: Render) -> Iterator[Fault]:
    """Mount the specifications in all containers that read DAGs: they are to see the same DAGs."""
    for config_map in _of(render, "ConfigMap", SPECIFICATIONS):
        yield from _not_mounted(render, config_map, _FOLDER)


def _not_mounted(render: Render, config_map: Manifest, place: str) -> Iterator[Fault]:
    """Yield each container that reads DAGs and does not have the ConfigMap at the place."""
    for pod in (each for each in render.pods() if not is_ours(each.owner)):
        volumes = {
            name
            for name, volume in pod.volumes().items()
            if (volume.get("configMap") or {}).get("name") == config_map.name
        }
        for name in _READERS & pod.containers().keys():
            container = pod.containers()[name]
            mounts = container.document.get("volumeMounts") or ()
            paths = [mount["mountPath"] for mount in mounts if mount["name"] in volumes]
            if not any(path.endswith(place) for path in paths):
                yield container, f"must mount the ConfigMap {config_map.name} at {place}"


@CHECKS.add
def jobs_can_be_started(render: Render) -> Iterator[Fault]:
    """Let Airflow do with the pods of jobs what it must, and no more."""
    accounts = _of(render, "ServiceAccount", SPECIFICATIONS)
    for account in accounts:
        if account.at("automountServiceAccountToken", default=True):
            yield account, "automountServiceAccountToken must be false: jobs need no token"
    for adapter, platform in _platforms(render):
        if accounts and platform.get("service_account") not in {each.name for each in accounts}:
            yield adapter, f"there is no ServiceAccount {platform.get('service_account')}"
    needed = [each for each in render.manifests if is_in_each_namespace_with_jobs(each)]
    for kind, name in sorted({(each.kind, each.name) for each in needed}):
        alike = [each for each in needed if (each.kind, each.name) == (kind, name)]
        found = {each.namespace or render.namespace for each in alike}
        for namespace in sorted(namespaces_with_jobs(render) - found):
            yield alike[0], f"there is none in the namespace {namespace}"
    roles = {(each.namespace, each.name): each for each in _of(render, "Role", LAUNCHER)}
    for role in roles.values():
        allowed = {
            resource: set(rule["verbs"])
            for rule in role.at("rules", default=())
            for resource in rule["resources"]
            if tuple(rule["apiGroups"]) == ("",)
        }
        if allowed != _NEEDED:
            yield role, f'rules must allow {_NEEDED} of the group "", and no more'
    for binding in _of(render, "RoleBinding", LAUNCHER):
        wanted = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": binding.name}
        if dict(binding.at("roleRef")) != wanted or (binding.namespace, binding.name) not in roles:
            yield binding, f"roleRef must be a Role in its namespace: {wanted}"
        for subject in binding.at("subjects", default=()):
            if (subject["kind"], subject.get("namespace")) != ("ServiceAccount", render.namespace):
                yield binding, f"{subject['name']} must be a ServiceAccount of the release"


@CHECKS.add
def network_policies_of_jobs_are_about_jobs(render: Render) -> Iterator[Fault]:
    """Select the pods that the adapter makes for this release, and close what is not opened."""
    for _, platform in _platforms(render):
        wanted = {**_JOB, **(platform.get("labels") or {})}
        for policy in network_policies_of_jobs(render):
            if dict(policy.at("spec", "podSelector", "matchLabels", default={})) != wanted:
                yield policy, f"spec.podSelector.matchLabels must be {wanted}"
            opened = policy.at("spec", "egress", default=())
            types = ("Ingress", "Egress") if opened else ("Ingress",)
            if policy.at("spec", "policyTypes", default=()) != types:
                yield policy, f"spec.policyTypes must be {' and '.join(types)}"
