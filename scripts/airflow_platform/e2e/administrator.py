"""Who asks Airflow's API: the user of the environment's variables, or the one of the release."""

import base64
import re
from collections.abc import Mapping
from itertools import pairwise

from airflow_platform.e2e.trial import Trial
from airflow_platform.manifests.objects import Container
from airflow_platform.support.errors import PlatformError

_FROM_ENVIRONMENT = re.compile(r"\$\((\w+)\)")
_SET = "Set AIRFLOW_USERNAME and AIRFLOW_PASSWORD, or AIRFLOW_TOKEN."


def administrator(trial: Trial, environment: Mapping[str, str]) -> Mapping[str, str]:
    """Return AIRFLOW_USERNAME and AIRFLOW_PASSWORD, or what ``environment`` has of them.

    The Job that creates the first user has them as arguments, the password perhaps as a reference
    to a Secret. PlatformError when there is no such Job, or no such Secret.
    """
    if environment.get("AIRFLOW_TOKEN") or environment.get("AIRFLOW_USERNAME"):
        return environment
    for pod in trial.render.pods():
        for container in pod.containers().values():
            given = dict(pairwise(container.document.get("args", ())))
            if {"-u", "-p"} <= given.keys():
                names = {"AIRFLOW_USERNAME": "-u", "AIRFLOW_PASSWORD": "-p"}
                return {
                    name: _resolved(trial, container, given[option])
                    for name, option in names.items()
                }
    raise PlatformError(f"These values create no user (createUserJob). {_SET}")


def _resolved(trial: Trial, container: Container, argument: str) -> str:
    """Put values of the container's environment into ``$(NAME)``, as Kubernetes does."""
    return _FROM_ENVIRONMENT.sub(lambda found: _variable(trial, container, found[1]), argument)


def _variable(trial: Trial, container: Container, name: str) -> str:
    for variable in container.document.get("env", ()):
        if variable["name"] == name and "value" in variable:
            return str(variable["value"])
        if variable["name"] == name and (at := variable["valueFrom"].get("secretKeyRef")):
            secret = trial.cluster.get("secret", at["name"], trial.namespace) or {}
            if at["key"] in secret.get("data", {}):
                return base64.b64decode(secret["data"][at["key"]]).decode()
    raise PlatformError(f"The password of the first user is ${name}, which is not known. {_SET}")
