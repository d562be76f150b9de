"""What must hold for every object holds in every render."""

import pytest

from airflow_platform.invariants import INVARIANTS
from airflow_platform.manifests import Render


@pytest.mark.parametrize("name", INVARIANTS)
def test_invariant(any_render: Render, name: str) -> None:
    violations = INVARIANTS[name](any_render)
    assert not violations, "\n".join(map(str, violations))


def test_the_containers_of_the_official_chart_have_resources_too(wrapper: Render) -> None:
    violations = INVARIANTS["resources_are_set"](wrapper, upstream=True)
    assert not violations, "\n".join(map(str, violations))
