"""What a kubelet would do with pods of jobs: annotations tell kwok how they end."""

import json
import os

from kubernetes.client import CoreV1Api

_ENDS = json.loads(os.environ["PODS_END"])
_PRINTED = b"2026-01-01T00:00:00.000000000Z This is what the job has printed.\n"


def pod_mutation_hook(pod):
    """Take the end of each attempt from the test: by job and attempt, or by job."""
    labels = pod.metadata.labels
    job = labels["workflow-orchestration/job"]
    end = _ENDS.get(f"{job} {labels['try_number']}") or _ENDS.get(job) or {}
    own = {f"kwok.airflow-platform/{key}": value for key, value in end.items()}
    # Long enough for the test to see it.
    pod.metadata.annotations = {"kwok.airflow-platform/runs-for": "2s", **own}


class _Response(list[bytes]):
    """What is used of an HTTP response with log lines."""

    def stream(self, **_):
        return iter(self)


def _log(*_, **__):
    """Return a log: nothing runs in the pods, so the API has none."""
    return _Response([_PRINTED])


CoreV1Api.read_namespaced_pod_log = _log
