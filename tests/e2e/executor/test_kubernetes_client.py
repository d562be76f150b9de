"""Why the chart refuses Airflow before 2.9: what its Kubernetes client does to the pod template."""

import json
from pathlib import Path

import pytest

from airflow_platform.rendering.render import render
from airflow_platform.support import processes
from airflow_platform.support.airflow_install import PYTHON
from airflow_platform.support.frozen import thaw

from .sidecar import faults

_ROUND_TRIP = Path(__file__).with_name("round_trip.py")


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        pytest.param("23.6.0", ["vector.restartPolicy is None, not 'Always'"], id="Airflow 2.8.0"),
        pytest.param("29.0.0", [], id="Airflow 2.9.0"),
    ],
)
def test_the_client_keeps_the_sidecar_as_it_is(version: str, expected: list[str]):
    from uv import find_uv_bin

    (template,) = render("prod").embedded("Pod")
    given = thaw(template.document)
    packages = f"kubernetes=={version}"
    run = ("run", "--no-project", "--python", PYTHON, "--with", packages, "python", _ROUND_TRIP)
    done = processes.run((find_uv_bin(), *run), given=json.dumps(given))

    assert not done.returncode, done.stderr
    assert faults(json.loads(done.stdout), given) == expected
