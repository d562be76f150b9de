"""Every object of the examples fits its CustomResourceDefinition, and a misspelt one does not."""

import json

import pytest

from airflow_platform.checks.kubeconform import default_versions, faults
from airflow_platform.manifests import Render
from airflow_platform.support.project import ROOT

from .conftest import Build
from .files import ARGO_CD, FLUX, KUSTOMIZATIONS, applications_of, object_files, objects_in

FILES = [path.relative_to(ROOT).as_posix() for path in object_files()]

# Of each kind of object a field that is misspelt, or has a value that it cannot have: what the file
# has, what is there instead, and the word that is found fault with.
BROKEN = [
    ("flux/base/release.yaml", "remediation:", "remedation:", "remedation"),
    ("flux/base/release.yaml", "strategy: rollback", "strategy: roll-back", "strategy"),
    ("flux/base/source.yaml", "layerSelector:", "layerSelektor:", "layerSelektor"),
    ("flux/base/source.yaml", "operation: copy", "operation: clone", "operation"),
    ("flux/git-source/source.yaml", "interval: 1h", "interval: hourly", "interval"),
    ("flux/clusters/prod.yaml", "healthChecks:", "healthCheck:", "healthCheck"),
    ("flux/clusters/prod.yaml", "prune: true", 'prune: "yes"', "prune"),
    ("flux/database/cluster.yaml", "instances:", "instance:", "instance"),
    ("flux/database/externalsecret.yaml", "secretStoreRef:", "storeRef:", "storeRef"),
    ("argocd/application.yaml", "syncOptions:", "syncOption:", "syncOption"),
    ("argocd/application.yaml", "limit: 3", "limit: three", "limit"),
    ("argocd/applicationset.yaml", "goTemplateOptions:", "goTemplateOption:", "goTemplateOption"),
]


def schema_faults(text: str) -> list[str]:
    rendered = Render.from_text(text)
    assert rendered.manifests
    return [fault for _, fault in faults(rendered, default_versions()[-1:])]


@pytest.mark.parametrize("path", FILES)
def test_every_object_fits_its_schema(path: str) -> None:
    assert schema_faults((ROOT / path).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("name", KUSTOMIZATIONS)
def test_everything_that_kustomize_builds_fits_its_schema(build: Build, name: str) -> None:
    assert list(faults(build(FLUX / name), default_versions())) == []


def test_the_applications_of_the_application_set_fit_their_schema() -> None:
    (application_set,) = objects_in(ARGO_CD / "applicationset.yaml")
    applications = list(applications_of(application_set))
    assert len(applications) == 3
    for application in applications:
        assert schema_faults(json.dumps(application)) == []


@pytest.mark.parametrize(("path", "right", "wrong", "word"), BROKEN)
def test_a_misspelt_field_or_value_is_found(path: str, right: str, wrong: str, word: str) -> None:
    text = (ROOT / "examples" / path).read_text(encoding="utf-8")
    assert right in text
    assert f"{word}" in " ".join(schema_faults(text.replace(right, wrong)))


def test_each_kind_of_object_has_a_broken_one() -> None:
    def kinds(paths: list[str]) -> set[str]:
        return {each["kind"] for path in paths for each in objects_in(ROOT / path)}

    assert kinds(FILES) == kinds([f"examples/{path}" for path, *_ in BROKEN])
