"""The command of the sidecar's container where its ConfigMap, and so drain.sh, is missing."""

import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from airflow_platform.rendering.render import render


def test_without_its_config_map_the_sidecar_lives_and_its_end_says_what_is_missing(
    tmp_path: Path,
) -> None:
    """A sidecar that exited by itself would be restarted again and again beside the task."""
    (pod,) = (pod for pod in render("prod").pods() if pod.key == "pod_template_file.yaml")
    message = tmp_path / "termination-log"
    command = [
        part.replace("/dev/termination-log", str(message))
        for part in pod.containers()["vector"].document["command"]
    ]
    sidecar = subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        while not (message.exists() and message.read_text().endswith("\n")):
            assert sidecar.poll() is None
            time.sleep(0.01)
        assert sidecar.poll() is None
        sidecar.send_signal(signal.SIGTERM)
        assert sidecar.wait(timeout=20) == 1
    finally:
        with suppress(ProcessLookupError):  # its sleep may have ended as well
            os.killpg(sidecar.pid, signal.SIGKILL)
        sidecar.wait()
    assert "ConfigMap airflow-task-logs is missing" in message.read_text()
