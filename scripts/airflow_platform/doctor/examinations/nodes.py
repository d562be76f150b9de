"""The nodes."""

from collections.abc import Iterator

from airflow_platform.doctor.facts import Facts, Object, condition, name, said
from airflow_platform.doctor.model import Fault, Finding, Mend, examination

NOT_READY = Fault("node-not-ready", "error", "A node is not ready.")
PRESSURE = Fault("node-pressure", "warning", "A node is short of memory, disk or process ids.")

_PRESSURES = {
    "MemoryPressure": "memory",
    "DiskPressure": "disk space",
    "PIDPressure": "process ids",
}


@examination(NOT_READY, PRESSURE)
def nodes(facts: Facts) -> Iterator[Finding]:
    """Whether the nodes are ready, and have memory, disk and process ids left."""
    for node in facts.all("Node"):
        subject = f"Node {name(node)}"
        ready = condition(node, "Ready")
        if ready.get("status", "True") != "True":
            yield Finding(
                NOT_READY,
                subject,
                said(ready),
                "Its pods are replaced after five minutes; its tasks fail and start again only if"
                " they have retries. Logs that its sidecars had not sent are lost.",
                Mend(
                    "Look at what the node says. If it does not come back, remove it: then its pods"
                    " are replaced at once.",
                    (
                        f"{facts.kubectl} describe node {name(node)}",
                        f"{facts.kubectl} delete node {name(node)}",
                    ),
                ),
            )
            continue
        short = [what for kind, what in _PRESSURES.items() if _has(node, kind)]
        if short:
            yield Finding(
                PRESSURE,
                subject,
                f"It is short of {', '.join(short)}.",
                "Kubernetes evicts pods from it, tasks among them, and starts no others there.",
                Mend(
                    "See what uses it, take new pods away from the node, and give containers limits"
                    " that fit (airflow.workers.resources).",
                    (
                        f"{facts.kubectl} describe node {name(node)}",
                        f"{facts.kubectl} cordon {name(node)}",
                    ),
                ),
            )


def _has(node: Object, kind: str) -> bool:
    return condition(node, kind).get("status") == "True"
