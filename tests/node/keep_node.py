"""Runs a node with a pod that runs for ever, until it is ended. Prints the name of its cgroup.

Its argument is the directory for logs.
"""

import sys
import threading
from pathlib import Path

from airflow_platform.node.image import Image
from airflow_platform.node.node import local_node
from airflow_platform.support.processes import end_on_signals

SLEEPER = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "sleeper", "namespace": "default"},
    "spec": {
        "containers": [
            {"name": "sleeper", "image": "example/shell:1", "command": ["/bin/sleep", "infinity"]}
        ]
    },
}


def main() -> None:
    """Run the node."""
    end_on_signals()
    with local_node(Path(sys.argv[1])) as node:
        node.add_image("example/shell:1", Image(shell=True))
        node.cluster.apply([SLEEPER])
        ready = ("wait", "--for=condition=Ready", "pod/sleeper", "--timeout=60s")
        node.cluster.kubectl(*ready, "--namespace=default")
        print(node.name, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
