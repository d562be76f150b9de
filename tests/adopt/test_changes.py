"""What Kubernetes does not let anybody change is reported, and what it allows is not."""

from typing import Any

import pytest

from airflow_platform.adopt.changes import compare
from airflow_platform.adopt.release import Release
from airflow_platform.manifests import Render
from airflow_platform.support import strict_yaml

SELECTOR = "selector: {matchLabels: {component: a}}"
CLAIM = "{{metadata: {{name: data}}, spec: {{resources: {{requests: {{storage: {}}}}}}}}}"


def one(kind: str, rest: str) -> str:
    text = strict_yaml.load(f"{{{rest}}}", "test")
    return strict_yaml.dump({"apiVersion": "v1", "kind": kind, "metadata": {"name": "a"}, **text})


def immutable(before: str, after: str) -> list[tuple[str, str]]:
    release = Release("airflow", "data", {}, {}, Render.from_text(before))
    return [
        (each.field, each.what_to_do)
        for each in compare(release, Render.from_text(after)).immutable
    ]


def claims(size: str) -> str:
    return f"spec: {{volumeClaimTemplates: [{CLAIM.format(size)}]}}"


REFUSED: dict[str, tuple[str, str, str, str]] = {
    "size of the volumes of a StatefulSet": (
        "StatefulSet",
        claims("8Gi"),
        claims("100Gi"),
        "spec.volumeClaimTemplates (data from 8Gi to 100Gi)",
    ),
    "Service of a StatefulSet": (
        "StatefulSet",
        "spec: {serviceName: a}",
        "spec: {serviceName: b}",
        "spec.serviceName",
    ),
    "selector of a Deployment": (
        "Deployment",
        f"spec: {{{SELECTOR}}}",
        "spec: {selector: {matchLabels: {component: b}}}",
        "spec.selector",
    ),
    "selector of a DaemonSet": (
        "DaemonSet",
        f"spec: {{{SELECTOR}}}",
        "spec: {selector: {matchLabels: {component: b}}}",
        "spec.selector",
    ),
    "pod of a Job": (
        "Job",
        "spec: {template: {a: 1}}",
        "spec: {template: {a: 2}}",
        "spec.template",
    ),
    "headless Service": ("Service", "spec: {}", "spec: {clusterIP: None}", "spec.clusterIP"),
    "smaller volume": (
        "PersistentVolumeClaim",
        "spec: {resources: {requests: {storage: 1Gi}}}",
        "spec: {resources: {requests: {storage: 500Mi}}}",
        "spec.resources.requests.storage (from 1Gi to 500Mi)",
    ),
    "class of a volume": (
        "PersistentVolumeClaim",
        "spec: {storageClassName: slow}",
        "spec: {storageClassName: fast}",
        "spec.storageClassName",
    ),
    "role of a binding": ("RoleBinding", "roleRef: {name: a}", "roleRef: {name: b}", "roleRef"),
    "immutable ConfigMap": (
        "ConfigMap",
        "immutable: true, data: {a: '1'}",
        "immutable: true, data: {a: '2'}",
        "data",
    ),
}
ALLOWED = {
    "replicas and image": (
        "StatefulSet",
        "spec: {replicas: 1, template: {a: 1}}",
        "spec: {replicas: 2, template: {a: 2}}",
    ),
    "larger volume": (
        "PersistentVolumeClaim",
        "spec: {resources: {requests: {storage: 900Mi}}}",
        "spec: {resources: {requests: {storage: 1Gi}}}",
    ),
    "labels of claims": (
        "StatefulSet",
        "spec: {volumeClaimTemplates: [{metadata: {name: d, labels: {chart: a}}, spec: {}}]}",
        "spec: {volumeClaimTemplates: [{metadata: {name: d}, spec: {}}]}",
    ),
    "time to live of a Job": (
        "Job",
        "spec: {ttlSecondsAfterFinished: 1}",
        "spec: {ttlSecondsAfterFinished: 2}",
    ),
    "ports of a Service": ("Service", "spec: {ports: [{port: 1}]}", "spec: {ports: [{port: 2}]}"),
    "data": ("ConfigMap", "data: {a: '1'}", "data: {a: '2'}"),
}


@pytest.mark.parametrize(("kind", "before", "after", "field"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_changed_is_reported(kind: str, before: str, after: str, field: str) -> None:
    ((found, what_to_do),) = immutable(one(kind, before), one(kind, after))
    assert found == field
    assert "{" not in what_to_do
    assert (
        kind == "PersistentVolumeClaim" or f"kubectl -n data delete {kind.lower()} a" in what_to_do
    )


@pytest.mark.parametrize(("kind", "before", "after"), ALLOWED.values(), ids=ALLOWED)
def test_what_can_be_changed_is_not(kind: str, before: str, after: str) -> None:
    assert immutable(one(kind, before), one(kind, after)) == []


def test_what_helm_is_told_to_keep_stays() -> None:
    annotations = {"helm.sh/resource-policy": "keep"}
    metadata: dict[str, Any] = {"name": "a", "annotations": annotations}
    kept = strict_yaml.dump({"apiVersion": "v1", "kind": "Secret", "metadata": metadata})
    changes = compare(Release("airflow", "data", {}, {}, Render.from_text(kept)), Render([]))
    assert (changes.goes, changes.losses, changes.stays_behind) == ((), (), ("Secret/a",))


def test_volumes_of_a_stateful_set_that_goes_stay_behind() -> None:
    before = one("StatefulSet", claims("1Gi"))
    changes = compare(Release("airflow", "data", {}, {}, Render.from_text(before)), Render([]))
    assert changes.stays_behind == ("PersistentVolumeClaim/data-a-<n>",)


def test_secrets_that_the_new_release_needs_come_first_and_missing_ones_are_named() -> None:
    pod = (
        "spec: {containers: [{name: a, envFrom: [{secretRef: {name: z}},"
        " {secretRef: {name: new}}]}]}"
    )
    old = "".join(
        f"---\n{{apiVersion: v1, kind: Secret, metadata: {{name: {name}}}}}\n" for name in "bz"
    )
    release = Release("airflow", "data", {}, {}, Render.from_text(old))
    changes = compare(release, Render.from_text(one("Pod", pod)))
    assert [(loss.name, loss.is_needed) for loss in changes.losses] == [("z", True), ("b", False)]
    assert changes.missing == ("new",)


def test_what_cannot_be_looked_into_is_said() -> None:
    release = Release("airflow", "data", {}, {}, Render.from_text(one("Secret", "data: {a: eA==}")))
    broken = one("Deployment", "spec: {template: {spec: {containers: 1}}}")
    whole = one("Deployment", "spec: {template: {spec: {containers: []}}}")
    assert "cannot be read" in compare(release, Render.from_text(broken)).unseen
    assert compare(release, Render.from_text(whole)).unseen == ""
