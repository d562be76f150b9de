"""What a line of a component has in Loki; the agents in examples/component-logs set it."""

JOB = "airflow-components"
LABELS = frozenset(("job", "namespace", "component", "container"))
METADATA = frozenset(
    (
        *("release", "pod", "node", "stream", "level", "logger"),
        *("part", "parts", "redacted", "time"),
    )
)
