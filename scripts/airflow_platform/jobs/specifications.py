"""All that a folder of workflows holds."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from airflow_jobs.loading import Specification, load_all
from airflow_jobs.problems import Problem, SpecificationError
from airflow_jobs.unread import unread
from airflow_platform.support.errors import PlatformError


@dataclass(frozen=True)
class Workflows:
    """The workflows of a folder, and all that is wrong with them."""

    specifications: Sequence[Specification]
    problems: Sequence[Problem]

    @property
    def errors(self) -> list[Problem]:
        """The problems that are no warnings."""
        return [each for each in self.problems if each.level == "error"]

    def with_problems(self, further: Iterable[Problem]) -> "Workflows":
        """Return the same with further problems."""
        return replace(self, problems=sorted([*self.problems, *further]))


def load(folder: Path) -> Workflows:
    """Return the workflows in a folder, which may be one itself.

    PlatformError when there is no such folder.
    """
    if not folder.is_dir():
        raise PlatformError(
            f"There is no folder {folder}. Name the one with the workflows:"
            " airflow-platform jobs validate workflows"
        )
    try:
        not_read = [*unread(folder)]
        specifications = load_all(folder)
    except SpecificationError as error:
        return Workflows((), not_read or error.problems)
    inside = [problem for each in specifications for problem in each.problems]
    return Workflows(specifications, sorted([*not_read, *inside]))
