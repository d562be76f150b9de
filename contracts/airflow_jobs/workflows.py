"""A workflow whose specification has no errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from airflow_jobs import templating

# Maps of which a job's own entries are added to those of the workflow.
_ADDED = ("env", "labels")


@dataclass(frozen=True)
class Workflow:
    """``settings`` is the content of workflow.yaml, ``jobs`` are the contents of jobs by name."""

    name: str
    settings: Mapping[str, Any]
    jobs: Mapping[str, Mapping[str, Any]]

    @property
    def time_zone(self) -> str:
        """The time zone of its schedule and of its dates."""
        return str(self.settings.get("time_zone", "UTC"))

    def job(self, name: str) -> dict[str, Any]:
        """Return a job with what the workflow says for all of them."""
        own, defaults = self.jobs[name], self.settings.get("defaults", {})
        added = {
            key: {**defaults.get(key, {}), **own.get(key, {})}
            for key in _ADDED
            if key in defaults or key in own
        }
        return {**defaults, **own, **added}

    def retry(self, name: str) -> dict[str, Any]:
        """Return how often a job is attempted, with what the contract says where it does not."""
        return {"max_attempts": 1, "delay": "5m", **self.job(name).get("retry", {})}

    def params(self, name: str) -> dict[str, Any]:
        """Return the parameters of a job and their values."""
        return {**self.settings.get("params", {}), **self.jobs[name].get("params", {})}

    def before(self, name: str) -> list[str]:
        """Return the jobs that must have succeeded before a job."""
        return list(self.settings.get("dependencies", {}).get(name, ()))

    def in_order(self) -> list[str]:
        """Return the jobs, each after those that must have succeeded before."""
        found: list[str] = []

        def add(name: str) -> None:
            if name not in found:
                for other in self.before(name):
                    add(other)
                found.append(name)

        for name in self.jobs:
            add(name)
        return found

    def source(self, name: str) -> tuple[str, str] | None:
        """Return the job and the output that is the list of a job; None for another list."""
        items = self.settings.get("for_each", {}).get(name)
        return templating.output(templating.names(items)[0]) if isinstance(items, str) else None

    def runs_for_each(self, name: str) -> bool:
        """Return whether a job runs once for each of a list."""
        return name in self.settings.get("for_each", {})

    def listed(self, name: str) -> str | None:
        """Return the output of a job that another job runs for each of."""
        sources = filter(None, map(self.source, self.settings.get("for_each", {})))
        return next((output for job, output in sources if job == name), None)

    def items(self, name: str) -> list[str] | None:
        """Return the list that a job runs for; None when it is an output, or there is none."""
        items = self.settings.get("for_each", {}).get(name)
        return items if isinstance(items, list) else None
