"""Good manifests, and a way to break them in one place, for the self-tests of the checks."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from airflow_platform.manifests import Render
from airflow_platform.support.frozen import thaw

Edits = Mapping[str, Any]
Edit = Callable[[Edits], Render]

_GOOD = Path(__file__).with_name("good_manifests.yaml")
_NEW = "airflow-platform/charts/observability/templates/new.yaml"


@pytest.fixture
def good() -> Render:
    """Manifests that no check has anything against."""
    return Render.from_text(_GOOD.read_text(encoding="utf-8"), name="good/helm4")


@pytest.fixture
def edited(good: Render) -> Edit:
    """Return the good manifests with edits: {"Deployment/x spec template ...": new value}.

    In a list a step is the name of an item, and "+" adds one. None removes. The text of an embedded
    document is edited like the rest. An object that was not there is new, and ours.
    """

    def edit(edits: Edits) -> Render:
        documents = {
            f"{manifest.kind}/{manifest.name}": (manifest.template, thaw(manifest.document))
            for manifest in good.manifests
        }
        for where, value in edits.items():
            name, *path = where.split()
            template, document = documents.get(name, (_NEW, None))
            documents[name] = (template, _edited(document, path, value))
        text = "".join(
            f"---\n# Source: {template}\n{json.dumps(document)}\n"
            for template, document in documents.values()
            if document is not None
        )
        return Render.from_text(text, name="edited/helm4")

    return edit


def _edited(value: Any, path: list[str], new: Any) -> Any:
    if not path:
        return new
    step, *rest = path
    if isinstance(value, str):
        return yaml.safe_dump(_edited(yaml.safe_load(value), path, new))
    if step == "+":
        return [*(value or ()), new]
    if isinstance(value, list):
        assert step in {item["name"] for item in value}, f"no item is named {step}"
        items = (_edited(i, rest, new) if i["name"] == step else i for i in value)
        return [item for item in items if item is not None]
    copy = {**(value or {}), step: _edited((value or {}).get(step), rest, new)}
    return {key: item for key, item in copy.items() if key != step or item is not None}
