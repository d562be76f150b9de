"""Airflow's logging configuration, but for this: log files stay as they are when they are uploaded.

The sidecar for task logs reads a file to its end after the task has ended. Providers of remote
logging empty the file, since about the middle of 2026, as soon as it is in the bucket, so what the
sidecar has not read by then would be missing in Loki. Here they upload a copy.
"""

from __future__ import annotations

import logging
import shutil
from copy import deepcopy
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import attrs
from airflow.config_templates import airflow_local_settings as settings


class KeepsFiles:
    """What uploads and reads task logs, with copies to upload."""

    def __init__(self, remote: Any) -> None:
        self._remote = remote

    def __getattr__(self, name: str) -> Any:
        return getattr(self._remote, name)

    def upload(self, path: Any, ti: Any = None) -> None:
        """Upload a copy of the log file at ``path``, which may be relative to the log folder."""
        logs = Path(self._remote.base_log_folder)
        file = logs / path
        if not file.is_file():
            return
        with TemporaryDirectory() as folder:
            copied = Path(folder) / file.relative_to(logs)
            copied.parent.mkdir(parents=True)
            shutil.copyfile(file, copied)
            remote = attrs.evolve(self._remote, base_log_folder=Path(folder))
            remote.upload(copied.relative_to(folder).as_posix(), ti)


# Airflow 3 takes the next two from the module of its logging configuration.
DEFAULT_REMOTE_CONN_ID = getattr(settings, "DEFAULT_REMOTE_CONN_ID", None)
REMOTE_TASK_LOG: Any = getattr(settings, "REMOTE_TASK_LOG", None)
LOGGING_CONFIG = deepcopy(settings.DEFAULT_LOGGING_CONFIG)

try:  # An error here would keep all of Airflow from starting.
    if hasattr(settings, "REMOTE_TASK_LOG"):
        if attrs.has(type(REMOTE_TASK_LOG)):
            REMOTE_TASK_LOG = KeepsFiles(REMOTE_TASK_LOG)
    else:
        # Airflow 2 uploads in its task handler, whose `io` does it in providers that empty files.
        from airflow.utils.module_loading import import_string

        _Handler: Any = import_string(LOGGING_CONFIG["handlers"]["task"]["class"])

        class TaskHandler(_Handler):  # type: ignore[misc]
            """The task handler of the provider, with copies to upload."""

            def __init__(self, *arguments: Any, **options: Any) -> None:
                super().__init__(*arguments, **options)
                own: Any = getattr(self, "io", None)
                if attrs.has(type(own)):
                    self.io = KeepsFiles(own)

        LOGGING_CONFIG["handlers"]["task"]["class"] = f"{__name__}.TaskHandler"
except Exception:
    logging.getLogger(__name__).exception("Log files may be emptied when they are uploaded")
