"""Good manifests, and a way to break them in one place, for the self-tests of the checks."""

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from airflow_platform.manifests import Manifest, Render
from airflow_platform.rendering.render import render
from airflow_platform.rendering.upstream import stand_in
from airflow_platform.support import strict_yaml
from airflow_platform.support.frozen import freeze, thaw

Edits = Mapping[str, Any]
Edit = Callable[[Edits], Render]

_GOOD = Path(__file__).with_name("good_manifests.yaml")
_EVERYTHING_ON = strict_yaml.load_file(Path(__file__).parents[1] / "chart" / "everything-on.yaml")
_NEW = "airflow-platform/charts/observability/templates/new.yaml"


@pytest.fixture
def good() -> Render:
    """Manifests that no check has anything against."""
    return Render.from_text(_GOOD.read_text(encoding="utf-8"), name="good/helm4")


@pytest.fixture(scope="session")
def release() -> Render:
    """A release with everything of ours on, around the stand-in: the same on any machine."""
    return render("prod", values=[_EVERYTHING_ON], upstream=stand_in()).replace(name="release")


@pytest.fixture
def edited(good: Render) -> Edit:
    """Return the good manifests with edits: {"Deployment/x spec template ...": new value}.

    In a list a step is the name of an item, and "+" adds one. None removes. The text of an embedded
    document is edited like the rest. An object that was not there is new, and ours.
    """
    return lambda edits: _with_edits(good, edits)


@pytest.fixture
def edited_release(release: Render) -> Edit:
    """The same for the release."""
    return lambda edits: _with_edits(release, edits)


def _with_edits(base: Render, edits: Edits) -> Render:
    manifests = {f"{manifest.kind}/{manifest.name}": manifest for manifest in base.manifests}
    for where, value in edits.items():
        name, *path = where.split()
        old = manifests.get(name)
        document = _edited(thaw(old.document) if old else None, path, value)
        if document is None:
            manifests.pop(name, None)
        else:
            manifests[name] = Manifest(freeze(document), old.template if old else _NEW, "")
    return base.replace(manifests=manifests.values(), name="edited")


_loaded = partial(yaml.load, Loader=yaml.CSafeLoader)
_dumped = partial(yaml.dump, Dumper=yaml.CSafeDumper)


def _edited(value: Any, path: list[str], new: Any) -> Any:
    if not path:
        return new
    step, *rest = path
    if isinstance(value, str):
        read, write = (json.loads, json.dumps) if value.startswith("{") else (_loaded, _dumped)
        return write(_edited(read(value), path, new))
    if step == "+":
        return [*(value or ()), new]
    if isinstance(value, list):
        assert step in {item["name"] for item in value}, f"no item is named {step}"
        items = (_edited(i, rest, new) if i["name"] == step else i for i in value)
        return [item for item in items if item is not None]
    copy = {**(value or {}), step: _edited((value or {}).get(step), rest, new)}
    return {key: item for key, item in copy.items() if key != step or item is not None}
