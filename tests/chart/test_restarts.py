"""What a changed setting restarts; tests/e2e/test_release_upgrades.py does it to a release."""

from collections.abc import Mapping
from typing import Any

import pytest

from airflow_platform.manifests import Render
from airflow_platform.rendering.render import render

from ..restarts import SETTINGS

pytestmark = pytest.mark.official_chart


@pytest.mark.parametrize("changed", SETTINGS)
def test_only_what_must_start_anew_does(changed: str) -> None:
    setting = SETTINGS[changed]
    before = pod_templates(render("prod"))
    after = pod_templates(render("prod", values=[setting.values]))
    assert before.keys() == after.keys()
    assert {name for name in before if before[name] != after[name]} == setting.restarts


def pod_templates(rendered: Render) -> Mapping[str, Any]:
    """What pods start from: they start anew where it has changed."""
    return {
        f"{each.kind}/{each.name}": each.at("spec", "template")
        for kind in ("Deployment", "StatefulSet", "DaemonSet")
        for each in rendered.all(kind)
    }
