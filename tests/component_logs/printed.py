"""What the components of Airflow print, as the container runtime hands it on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

DAY = "2026-11-27"


@dataclass(frozen=True)
class Line:
    """A line of a container, and the level that it has for people ("" for none)."""

    component: str
    container: str
    text: str
    level: str = ""


LINES: Mapping[str, Line] = {
    "Airflow 3": Line(
        "scheduler",
        "scheduler",
        f"{DAY}T10:00:00.123456Z [info     ] Starting the scheduler  [airflow.jobs] loc=a.py:86",
        "info",
    ),
    "Airflow 3, JSON": Line(
        "scheduler",
        "scheduler",
        f'{{"timestamp":"{DAY}T10:00:00.123456Z","level":"warning","event":"x","logger":"a.b"}}',
        "warning",
    ),
    "Airflow 2": Line(
        "scheduler",
        "scheduler",
        f"[{DAY}T10:00:01.123+0000] {{scheduler_job_runner.py:1021}} ERROR - Adopting",
        "error",
    ),
    "uvicorn": Line(
        "api-server", "api-server", 'INFO:     10.0.0.1:4321 - "GET / HTTP/1.1" 200 OK', "info"
    ),
    "gunicorn": Line(
        "webserver", "webserver", f"[{DAY} 10:00:00 +0000] [7] [INFO] Listening at: x", "info"
    ),
    "access log": Line(
        "webserver", "webserver", '10.0.0.1 - - [27/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200'
    ),
    "Celery": Line(
        "worker", "worker", f"[{DAY} 10:00:00,123: WARNING/MainProcess] Connected", "warning"
    ),
    "alembic": Line(
        "run-airflow-migrations",
        "run-airflow-migrations",
        "INFO  [alembic.runtime.migration] Context impl PostgresqlImpl.",
        "info",
    ),
    "git-sync": Line(
        "dag-processor",
        "git-sync",
        f'{{"logger":"","ts":"{DAY} 10:00:00.123456","caller":{{"file":"main.go","line":5}},'
        '"level":0,"msg":"starting up"}',
        "info",
    ),
    "git-sync that failed": Line(
        "dag-processor",
        "git-sync",
        f'{{"logger":"","ts":"{DAY} 10:00:00.123456","caller":{{"file":"main.go","line":5}},'
        '"msg":"error syncing repo","error":"Run(git fetch): exit status 128","failCount":1}',
        "error",
    ),
    "statsd-exporter": Line(
        "statsd-exporter",
        "statsd-exporter",
        f'time={DAY}T10:00:00.123Z level=WARN source=main.go:300 msg="Starting"',
        "warning",
    ),
    "Vector": Line(
        "triggerer", "vector", f"{DAY}T10:00:00.123456Z ERROR vector::sinks: Retrying.", "error"
    ),
    "pgbouncer": Line(
        "pgbouncer", "pgbouncer", f"{DAY} 10:00:00.123 UTC [1] WARNING pooler error", "warning"
    ),
    "Redis": Line("redis", "redis", "1:C 27 Nov 2026 10:00:00.123 # no config file specified"),
    "other text": Line("scheduler", "scheduler", "____ airflow ____"),
}

TRACEBACK = (
    f"{DAY}T10:00:00.123456Z [error    ] Exception when executing  [airflow.jobs] loc=a.py:1",
    "Traceback (most recent call last):",
    '  File "/x.py", line 3, in f',
    "    raise ValueError(x)",
    "sqlalchemy.exc.OperationalError: (psycopg2.OperationalError) could not connect",
    "",
    "During handling of the above exception, another exception occurred:",
    "",
    "Traceback (most recent call last):",
    '  File "/x.py", line 5, in f',
    "KeyError: 'x'",
)
AFTER_IT = f"{DAY}T10:00:01.123456Z [info     ] Going on  [airflow.jobs] loc=a.py:2"


def event(line: Line, number: int = 0, **labels: str) -> dict[str, Any]:
    """The line as the source kubernetes_logs of Vector gives it; ``labels`` are more of its pod."""
    if line.component == "statsd-exporter":
        pod_labels = {"app.kubernetes.io/name": line.component} | {
            "app.kubernetes.io/instance": "airflow"
        }
    else:
        pod_labels = {"tier": "airflow", "component": line.component, "release": "airflow"}
    return {
        "message": line.text,
        "timestamp": f"{DAY}T10:00:05.{number:06}Z",
        "file": f"/var/log/pods/airflow_{line.component}-0_3a1b/{line.container}/0.log",
        "stream": "stderr",
        "source_type": "kubernetes_logs",
        "kubernetes": {
            "pod_labels": pod_labels | labels,
            "container_name": line.container,
            "pod_namespace": "airflow",
            "pod_name": f"{line.component}-0",
            "pod_node_name": "node-1",
        },
    }


def as_json(lines: Sequence[Mapping[str, Any]]) -> str:
    """The events as lines of JSON."""
    return "".join(f"{json.dumps(each)}\n" for each in lines)
