"""A row of a trial, for tests of what is said of it."""

from airflow_platform.node.sidecar.report import Row

PASSED = Row(
    trial="fast",
    environment="prod",
    airflow="3.1.7",
    pods=1,
    written=30,
    in_loki=30,
    added_ms=412,
    task_codes=(0,),
    sidecar_codes=(0,),
    messages=("",),
    expected="all lines",
    faults=(),
)
