"""The stand-in cannot drift: all that it has, the official chart has too."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from airflow_platform.manifests import Manifest
from airflow_platform.rendering.render import render
from airflow_platform.rendering.upstream import UpstreamChart, find_upstream, stand_in
from airflow_platform.support import strict_yaml

# Settings that reach the pod template by each of the ways that the stand-in knows.
SETTINGS = {
    "airflow": {
        "env": [{"name": "EVERYWHERE", "value": "1"}],
        "extraEnv": "- {name: RELEASE, value: '{{ .Release.Name }}'}",
        "labels": {"team": "data"},
        "airflowPodAnnotations": {"example.com/note": "yes"},
        "securityContexts": {"pod": {"runAsUser": 1000, "fsGroup": 1000}},
        "nodeSelector": {"disk": "fast"},
        "volumes": [{"name": "cache", "emptyDir": {}}],
        "volumeMounts": [{"name": "cache", "mountPath": "/cache"}],
        "workers": {
            "labels": {"kind": "task"},
            "serviceAccount": {"annotations": {"example.com/role": "tasks"}},
            "podAnnotations": {"example.com/more": "yes"},
            "env": [{"name": "TASKS_ONLY", "value": "1"}],
            "extraInitContainers": [{"name": "warm-up", "image": "{{ .Release.Name }}/warm-up:1"}],
            "extraContainers": [{"name": "helper", "image": "helper:1"}],
            "extraVolumes": [{"name": "models", "emptyDir": {}}],
            "extraVolumeMounts": [{"name": "models", "mountPath": "/models"}],
            "tolerations": [{"key": "tasks", "operator": "Exists"}],
        },
        "logs": {"emptyDirConfig": {"sizeLimit": "1Gi"}},
    }
}

# Labels by which each chart names itself are not part of the seam.
NOT_COMPARED = {"chart", "heritage"}


def values_of(chart: UpstreamChart) -> dict[str, Any]:
    return dict(strict_yaml.load(chart.read("values.yaml"), str(chart.path)))


def differences(part: Any, whole: Any, path: str = "") -> Iterator[str]:
    """Yield where ``part`` has what ``whole`` has not. Items of lists are compared by name."""
    if isinstance(part, Mapping) and isinstance(whole, Mapping):
        for key in part.keys() - NOT_COMPARED:
            yield from differences(part[key], whole.get(key, "nothing"), f"{path}.{key}")
    elif isinstance(part, list | tuple) and all(isinstance(item, Mapping) for item in part):
        named = {item_name(item): item for item in whole or ()}
        for item in part:
            name = item_name(item)
            yield from differences(item, named.get(name, "nothing"), f"{path}[{name}]")
    elif (part or None) != (whole or None):
        yield f"{path}: {part!r}, but the official chart has {whole!r}"


def item_name(item: Mapping[str, Any]) -> str:
    return str([item.get(key) for key in ("name", "mountPath", "key")])


def rendered_parts(chart: UpstreamChart) -> dict[str, Any]:
    """The objects of ``chart`` in prod and the documents in them, by name."""
    parts: dict[str, Any] = {}
    off: dict[str, Any] = {
        "airflow": {"podTemplate": None},
        "global": {"taskLogs": {"enabled": False}},
    }
    for way, more in (("our podTemplate", {}), ("podTemplate: null", off)):
        rendered = render("prod", values=[SETTINGS, more], upstream=chart)
        for manifest in rendered.manifests:
            if "/charts/airflow/" in manifest.template:
                parts[f"{manifest.kind}/{manifest.name}"] = metadata(manifest)
                if manifest.kind == "Role":
                    parts[f"what {manifest.name} allows"] = allowed(manifest)
            elif manifest.kind == "Job":
                parts[f"Job {manifest.labels['component']}"] = manifest.document["spec"]
        for found in (*rendered.embedded("Pod"), *rendered.embedded("AirflowConfig")):
            parts[f"{found.key} with {way}"] = found.document
    return parts


def allowed(role: Manifest) -> dict[str, bool]:
    return {
        f"{verb} {resource}": True
        for rule in role.at("rules")
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def metadata(manifest: Manifest) -> Any:
    return {"apiVersion": manifest.api_version, "metadata": manifest.document["metadata"]}


@pytest.mark.official_chart
def test_its_values_are_defaults_of_the_official_chart():
    assert not list(differences(values_of(stand_in()), values_of(find_upstream())))


@pytest.mark.official_chart
def test_what_it_renders_the_official_chart_renders_too():
    own = rendered_parts(stand_in())
    assert own.keys() >= {
        "pod_template_file.yaml with our podTemplate",
        "pod_template_file.yaml with podTemplate: null",
        "airflow.cfg with our podTemplate",
        "Job create-user-job",
        "Job run-airflow-migrations",
    }
    assert not list(differences(own, rendered_parts(find_upstream())))


@pytest.mark.parametrize(
    ("part", "whole", "expected"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, []),
        ({"a": 1}, {"a": 2}, [".a: 1, but the official chart has 2"]),
        ([{"name": "x"}], [{"name": "y"}, {"name": "x"}], []),
        ({"a": {}}, {}, [".a: {}, but the official chart has 'nothing'"]),
        ({"chart": "one"}, {"chart": "other"}, []),
    ],
)
def test_differences_are_found(part, whole, expected):
    assert list(differences(part, whole)) == expected
