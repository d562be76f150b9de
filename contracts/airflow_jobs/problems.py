"""What is wrong with a specification, and where."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, order=True)
class Problem:
    """Something to change in ``file``; line and column count from 1.

    ``rule`` names the kind, for machines. ``level`` is "error", or "warning" for what may be meant.
    """

    file: Path
    line: int
    column: int
    rule: str
    message: str
    level: str = "error"

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.message}"


class SpecificationError(Exception):
    """Specifications that cannot be used, with all their problems."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))
