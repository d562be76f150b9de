"""What must hold for every render holds in ours."""

from collections.abc import Callable

import pytest

from airflow_platform.checks.judge import CHECKS, Violation
from airflow_platform.manifests import Render


@pytest.mark.parametrize("name", CHECKS)
def test_check(
    any_render: Render, check: Callable[[str, Render], list[Violation]], name: str
) -> None:
    violations = check(name, any_render)
    assert not violations, "\n".join(map(str, violations))
