"""Schemas for kubeconform: conversion, checksums, and what is said when there are none."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from airflow_platform.checks import schemas
from airflow_platform.checks.schemas import (
    crd_locations,
    kubernetes_location,
    kubernetes_versions,
    strict_schema,
)
from airflow_platform.support import crds
from airflow_platform.support.crds import CrdModule, crd_modules
from airflow_platform.support.errors import PlatformError

MODULE = CrdModule("example.org", "example.org/operator", "v1.0.0", "h1:good=", {"Cup": "cup.yaml"})
CRD = {
    "spec": {
        "group": "example.org",
        "names": {"kind": "Cup"},
        "versions": [
            {
                "name": name,
                "served": served,
                "schema": {"openAPIV3Schema": {"properties": {"spec": {"type": "object"}}}},
            }
            for name, served in (("v1", True), ("v1alpha1", False))
        ],
    }
}


def accepts(open_api: dict[str, Any], document: Any) -> bool:
    return jsonschema.Draft4Validator(strict_schema(open_api)).is_valid(document)


STRING = {"type": "string"}
OBJECT = {"type": "object", "properties": {"name": STRING}}


@pytest.mark.parametrize(
    ("open_api", "good", "bad"),
    [
        pytest.param(OBJECT, {"name": "x"}, {"nmae": "x"}, id="unknown field"),
        pytest.param(
            {"type": "array", "items": OBJECT}, [{"name": "x"}], [{"nmae": "x"}], id="in a list"
        ),
        pytest.param(
            {"type": "object", "additionalProperties": OBJECT},
            {"any": {"name": "x"}},
            {"any": {"nmae": "x"}},
            id="in a map",
        ),
        pytest.param(
            {**OBJECT, "x-kubernetes-preserve-unknown-fields": True},
            {"nmae": "x"},
            {"name": 1},
            id="preserved unknown fields",
        ),
        pytest.param(
            {"x-kubernetes-int-or-string": True, "anyOf": [{"type": "integer"}, STRING]},
            8080,
            True,
            id="int or string",
        ),
        pytest.param({**STRING, "nullable": True}, None, 1, id="nullable"),
        pytest.param({**STRING, "enum": ["a"], "nullable": True}, None, "b", id="nullable enum"),
        pytest.param(
            {**OBJECT, "anyOf": [{"properties": {"name": {"minLength": 1}}}]},
            {"name": "x"},
            {"name": ""},
            id="alternatives stay open",
        ),
        pytest.param(
            {"type": "integer", "minimum": 0, "exclusiveMinimum": True}, 1, 0, id="draft 4"
        ),
        pytest.param(
            {"type": "object", "properties": {"default": STRING, "description": STRING}},
            {"default": "x", "description": "y"},
            {"default": 1},
            id="fields named like words of OpenAPI",
        ),
    ],
)
def test_a_custom_resource_is_accepted_as_its_operator_means_it(
    open_api: dict[str, Any], good: Any, bad: Any
) -> None:
    assert accepts(open_api, good)
    assert not accepts(open_api, bad)


def test_there_are_schemas_of_the_oldest_and_of_newer_kubernetes() -> None:
    versions = kubernetes_versions()
    assert {"1.30.0", "1.33.0"} <= set(versions)
    assert versions[-1] == max(versions, key=lambda version: int(version.split(".")[1]))


def test_kubernetes_schemas_need_no_other_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    location = kubernetes_location("1.33.4")
    deployment = location.replace("{{.ResourceKind}}{{.KindSuffix}}", "deployment-apps-v1")
    schema = json.loads(Path(deployment).read_text(encoding="utf-8"))
    validator = jsonschema.Draft202012Validator(schema)
    container = {"name": "x", "image": "y"}
    document = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "spec": {"selector": {}, "template": {"spec": {"containers": [container]}}},
    }
    assert validator.is_valid(document)
    container["imag"] = "z"
    assert not validator.is_valid(document)


def test_an_unknown_kubernetes_version_lists_the_known_ones() -> None:
    with pytest.raises(PlatformError, match=r"no schemas of Kubernetes 1\.2\.3.*1\.33\.0"):
        kubernetes_location("1.2.3")


def test_each_pinned_module_is_named_once_and_has_a_checksum() -> None:
    modules = crd_modules()
    assert len({module.module for module in modules}) == len(modules)
    assert all(module.sum.startswith("h1:") and module.files for module in modules)


def test_groups_without_a_module_have_no_location() -> None:
    assert crd_locations(["", "apps", "example.com"]) == []


@pytest.fixture
def download(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Run crd_locations against a Go that answers as told, with a cache of its own."""
    source = tmp_path / "module"
    source.mkdir()
    (source / "cup.yaml").write_text(yaml.safe_dump(CRD))

    def run(*, checksum: str = MODULE.sum, error: str = "", files: Any = MODULE.files) -> list[str]:
        answer = {"Error": error} if error else {"Dir": str(source), "Sum": checksum}
        go = tmp_path / "go"
        go.write_text(f"#!/bin/sh\necho '{json.dumps(answer)}'\n{'exit 1' if error else ''}\n")
        go.chmod(0o755)
        module = CrdModule(MODULE.group, MODULE.module, MODULE.version, MODULE.sum, files)
        monkeypatch.setattr(crds, "go", lambda: go)
        monkeypatch.setattr(schemas, "crd_modules", lambda: (module,))
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        return crd_locations(["example.org", "apps"])

    return run


def test_served_versions_of_a_custom_resource_get_a_schema(
    download: Callable[..., list[str]],
) -> None:
    (location,) = download()
    path = location.replace("{{.Group}}", "example.org").replace("{{.ResourceKind}}", "cup")
    assert Path(path.replace("{{.ResourceAPIVersion}}", "v1")).exists()
    assert not Path(path.replace("{{.ResourceAPIVersion}}", "v1alpha1")).exists()


def test_a_module_with_another_checksum_is_refused(download: Callable[..., list[str]]) -> None:
    with pytest.raises(PlatformError, match=r"has the checksum h1:evil=.* pins h1:good="):
        download(checksum="h1:evil=")


def test_a_module_that_cannot_be_downloaded_says_why(download: Callable[..., list[str]]) -> None:
    with pytest.raises(PlatformError, match="no route to host\nLet Go reach its module proxy"):
        download(error="no route to host")


def test_a_file_of_another_kind_is_refused(download: Callable[..., list[str]]) -> None:
    with pytest.raises(PlatformError, match=r"cup\.yaml .* is not Mug of example\.org"):
        download(files={"Mug": "cup.yaml"})
