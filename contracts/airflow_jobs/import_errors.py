"""Files of specifications with errors, as Airflow's import errors.

Airflow starts no run of any DAG whose file has an import error. So the error is not of the DAG
file, which may have many good workflows, but of the file with the specification.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from airflow_jobs.problems import Problem, SpecificationError

try:
    from airflow.sdk import DAG

    _REFUSES_WHEN_IT_STORES = True
except ImportError:  # Airflow 2
    from airflow import DAG

    _REFUSES_WHEN_IT_STORES = False


def import_errors(problems: Iterable[Problem]) -> dict[str, DAG]:
    """Return what makes Airflow report the problems: for each file a DAG that it refuses."""
    by_file: dict[Path, list[Problem]] = {}
    for problem in problems:
        by_file.setdefault(problem.file, []).append(problem)
    found = {}
    for number, (file, of_file) in enumerate(by_file.items()):
        dag = _Refused(f"_error_{number}", schedule=None)  # no workflow has such a name
        dag.problems = of_file
        dag.file = file
        found[dag.dag_id] = dag
    return found


class _Refused(DAG):
    fileloc: str
    relative_fileloc: str | None
    file: Path
    problems: Iterable[Problem]

    def validate(self) -> None:
        """Be a DAG of the specification's file. Airflow 2 reports under it what is raised here."""
        dag_file = Path(self.fileloc)
        self.fileloc = str(self.file.absolute())
        if not _REFUSES_WHEN_IT_STORES:
            raise SpecificationError(self.problems)
        if self.relative_fileloc:
            way = os.path.relpath(self.fileloc, dag_file.parent)
            self.relative_fileloc = os.path.normpath(Path(self.relative_fileloc).parent / way)

    if _REFUSES_WHEN_IT_STORES:
        # Airflow 3 reports an error of `validate` under the name of the DAG file, but one when it
        # stores the DAG under the name of the file that the DAG is of by then.
        @property
        def edge_info(self) -> object:
            raise SpecificationError(self.problems)

        @edge_info.setter
        def edge_info(self, _: object) -> None:
            pass
