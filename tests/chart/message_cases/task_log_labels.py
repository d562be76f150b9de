"""Labels and structured metadata that Loki would refuse, or that would arrive as something else."""

from .case import Case, task_logs, wrapper

NO_NAME = "global.taskLogs.{} has {}, which is no name that Loki takes as it is"
EMPTY = "global.taskLogs.{} is empty, and Loki has no empty labels"
TWICE = "global.taskLogs.{} has {}, which is the name of another label or of metadata already."
TOO_MANY = "Task logs would have {} labels, {} of global.taskLogs.labels and {} of"
BOTH = "The fields {} are in global.taskLogs.labelFields and in global.taskLogs.metadataFields"
METADATA = "global.taskLogs.metadata has {} names and {} bytes"

THIRTEEN = {f"l{number}": "a" for number in range(1, 13)}  # beside `job`
EVERY_FIELD = [
    *("namespace", "dag_id", "task_id", "run_id", "try_number", "map_index", "pod", "level"),
    *("logger", "part", "parts", "redacted", "file"),
]

CASES: dict[str, Case] = {
    "a label with a dot and a slash": task_logs(
        NO_NAME.format("labels", "app.kubernetes.io/part-of"),
        labels={"app.kubernetes.io/part-of": "etl"},
    ),
    "a label of Kubernetes, in the wrapper": wrapper(
        NO_NAME.format("labels", "app.kubernetes.io/part-of"),
        {"global": {"taskLogs": {"labels": {"app.kubernetes.io/part-of": "etl"}}}},
    ),
    "a label in upper case": task_logs(NO_NAME.format("labels", "Team"), labels={"Team": "data"}),
    "two labels of one name": task_logs(
        NO_NAME.format("labels", "cost-center"), labels={"cost-center": "1", "cost_center": "2"}
    ),
    "a label that becomes a field": task_logs(
        NO_NAME.format("labels", "dag-id"), labels={"dag-id": "mine"}
    ),
    "a label that begins with a digit": task_logs(
        NO_NAME.format("labels", "2nd"), labels={"2nd": "x"}
    ),
    "a reserved label": task_logs(NO_NAME.format("labels", "__x__"), labels={"__x__": "y"}),
    "a label without a letter": task_logs(NO_NAME.format("labels", "-"), labels={"-": "y"}),
    "metadata with a dash": task_logs(
        NO_NAME.format("metadata", "cost-center"), metadata={"cost-center": "7"}
    ),
    "an empty label": task_logs(EMPTY.format("labels.cluster"), labels={"cluster": ""}),
    "empty metadata": task_logs(EMPTY.format("metadata.team"), metadata={"team": ""}),
    "a label of the name of a field": task_logs(
        TWICE.format("labels", "dag_id"), labels={"dag_id": "mine"}
    ),
    "a label of the name of metadata": task_logs(
        TWICE.format("labels", "run_id"), labels={"run_id": "mine"}
    ),
    "metadata of the name of a field": task_logs(
        TWICE.format("metadata", "level"), metadata={"level": "high"}
    ),
    "metadata of the name of a label": task_logs(
        TWICE.format("metadata", "cluster"), labels={"cluster": "a"}, metadata={"cluster": "b"}
    ),
    "a field as label and metadata": task_logs(
        BOTH.format("pod, level"), labelFields=["namespace", "pod", "level"]
    ),
    "offset as label and metadata": task_logs(
        BOTH.format("offset"), labelFields=["namespace", "offset"]
    ),
    "a long value of a label": task_logs(
        "global.taskLogs.labels.cluster has 2049 bytes", labels={"cluster": "x" * 2049}
    ),
    "sixteen labels": task_logs(TOO_MANY.format(16, 13, 3), labels=THIRTEEN),
    "sixteen labels, of which Loki does not count one": task_logs(
        TOO_MANY.format(16, 14, 3), labels={**THIRTEEN, "service_name": "airflow"}
    ),
    "sixteen labels, most of them fields": task_logs(
        TOO_MANY.format(16, 3, 13),
        labels={"cluster": "a", "team": "b"},
        labelFields=EVERY_FIELD,
        metadataFields=["offset"],
    ),
    "sixteen labels, in the wrapper": wrapper(
        TOO_MANY.format(16, 13, 3),
        {"global": {"taskLogs": {"labels": {**THIRTEEN, "environment": None}}}},
    ),
    "much metadata": task_logs(
        METADATA.format(2, 60006), metadata={"a_a": "x" * 30000, "b_b": "x" * 30000}
    ),
    "many names of metadata": task_logs(
        METADATA.format(101, 10 * 4 + 90 * 5 + 6), metadata={f"m{n}": "xx" for n in range(101)}
    ),
}
