"""Values that are refused, how they are rendered, and the beginning of what is said about them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Case:
    """Values, how they are rendered, and the beginning of what is said about them."""

    message: str
    values: Mapping[str, Any]
    arguments: Mapping[str, Any] = field(default_factory=lambda: {"chart": "add-on"})


def wrapper(message: str, values: Mapping[str, Any], **arguments: Any) -> Case:
    """Values of the wrapper; ``arguments`` are those of ``render``, such as environment="prod"."""
    return Case(message, values, {"environment": "prod", **arguments})


def airflow(message: str, **values: Any) -> Case:
    """Values of the wrapper below ``airflow:``."""
    return wrapper(message, {"airflow": values})


def add_on(message: str, **values: Any) -> Case:
    """Values of the add-on alone."""
    return Case(message, values)


def task_logs(message: str, **values: Any) -> Case:
    """Values of the add-on below ``global.taskLogs``."""
    return add_on(message, **{"global": {"taskLogs": values}})
