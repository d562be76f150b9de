"""Kubernetes, and the operators, accept every object of every render."""

from collections.abc import Callable
from pathlib import Path

from airflow_platform.checks.kubeconform import validate
from airflow_platform.manifests import Render


def test_every_object_fits_its_schema(any_render: Render, program: Callable[[str], Path]) -> None:
    program("kubeconform")
    violations = validate(any_render)
    assert not violations, "\n".join(map(str, violations))
