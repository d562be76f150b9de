"""What template variables stand for in one run of a job."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from airflow_jobs import templating

_MOST_LEVELS = 10  # of parameters whose values name parameters


@dataclass(frozen=True)
class Run:
    """One attempt of a job. Moments are aware of their time zone; ``time_zone`` is how they read.

    ``output`` returns an output of a job; ``item`` is one of the list that the job runs for.
    """

    workflow: str
    job: str
    run_id: str
    attempt: int
    logical_date: datetime
    data_interval_start: datetime
    data_interval_end: datetime
    time_zone: str
    params: Mapping[str, Any]
    output: Callable[[str, str], Any]
    item: Any = None

    def fill(self, text: str) -> str:
        """Return a text with its template variables filled in; KeyError for one that is unknown."""
        return self._fill(text, 0)

    def _fill(self, text: str, level: int) -> str:
        if level > _MOST_LEVELS:
            raise KeyError(f"the parameters in {text} name each other")
        return templating.fill(text, lambda name: self._text(name, level))

    def _text(self, name: str, level: int) -> str:
        value = self._value(name)
        if isinstance(value, str):
            return self._fill(value, level + 1) if templating.parameter(name) else value
        return "" if value is None else json.dumps(value, ensure_ascii=False)

    def _value(self, name: str) -> Any:
        if parameter := templating.parameter(name):
            return self.params[parameter]
        if output := templating.output(name):
            return self.output(*output)
        if name == "ds":
            return self._local(self.logical_date).strftime("%Y-%m-%d")
        if name == "ds_nodash":
            return self._local(self.logical_date).strftime("%Y%m%d")
        if name not in (*templating.VARIABLES, "item"):
            raise KeyError(name)
        value = getattr(self, name)
        return self._local(value).isoformat() if isinstance(value, datetime) else value

    def _local(self, moment: datetime) -> datetime:
        # By way of the timestamp: Airflow's moments are of a class of their own.
        return datetime.fromtimestamp(moment.timestamp(), ZoneInfo(self.time_zone))
