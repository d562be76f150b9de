"""What must hold for every render holds in ours."""

import pytest

from airflow_platform.checks import CHECKS
from airflow_platform.manifests import Render


@pytest.mark.parametrize("name", CHECKS)
def test_check(any_render: Render, name: str) -> None:
    violations = CHECKS[name](any_render)
    assert not violations, "\n".join(map(str, violations))
