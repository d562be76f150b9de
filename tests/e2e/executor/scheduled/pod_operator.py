"""KubernetesPodOperator on an API whose pods run nowhere and so print nothing."""

import os
from functools import cached_property
from types import SimpleNamespace

from airflow.configuration import conf
from airflow.providers.cncf.kubernetes.operators.pod import (
    KubernetesPodOperator,
)


class PrintsInItsPod(KubernetesPodOperator):  # type: ignore[misc]
    """Starts a pod and waits for its end. Only the log that the API returns is made up."""

    def __init__(self, **kwargs):
        super().__init__(
            image="busybox",
            namespace=conf.get("kubernetes_executor", "namespace"),
            in_cluster=False,
            config_file=conf.get("kubernetes_executor", "config_file"),
            security_context={"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
            container_security_context={
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
            },
            **kwargs,
        )

    @cached_property
    def client(self):
        client = super().client
        client.read_namespaced_pod_log = _log
        return client


def _log(**_):
    """Return what is used of an HTTP response."""
    line = f"2026-01-01T00:00:00.000000000Z {os.environ['PRINTED']}\n"
    return SimpleNamespace(stream=lambda **_: [line.encode()])
