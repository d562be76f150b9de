"""Python files: the code of jobs, and files that Airflow reads DAGs from."""

import ast
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

from airflow_platform.jobs import repository

_ADAPTER = "airflow_jobs"
_ORCHESTRATORS = frozenset(
    ("airflow", "dagster", "flytekit", "hera", "kfp", "luigi", "mage_ai", "metaflow", "prefect")
)
_IMPORTERS = ("import_module", "__import__")
# Packages that are installed, the adapter itself, and tests, which no image of a job has.
_LEFT_OUT = ("site-packages", "node_modules", _ADAPTER, "test", "tests")


class SourceFile:
    """A Python file. OSError, SyntaxError or ValueError when it cannot be read as one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with warnings.catch_warnings(action="ignore"):  # of its code, which is not ours
            self._tree = ast.parse(path.read_bytes(), str(path))

    def imports(self) -> Iterator[tuple[str, int]]:
        """Yield each module that is imported, by its whole name, and the line of it."""
        for node in ast.walk(self._tree):
            match node:
                case ast.Import(names=names):
                    for alias in names:
                        yield alias.name, node.lineno
                case ast.ImportFrom(module=str(module), level=0):
                    yield module, node.lineno
                case ast.Call(args=[ast.Constant(value=str(module)), *_]) if (
                    _name(node.func) in _IMPORTERS
                ):
                    yield module, node.lineno

    def orchestrators(self) -> dict[str, int]:
        """Return the orchestrators that are imported, and the first line of each."""
        found: dict[str, int] = {}
        for module, line in self.imports():
            name = module.partition(".")[0]
            if name in _ORCHESTRATORS:
                found[name] = min(line, found.get(name, line))
        return found

    def uses_adapter(self) -> bool:
        """Return whether it makes DAGs of specifications."""
        return any(module == f"{_ADAPTER}.dags" for module, _ in self.imports())

    def beyond_adapter(self) -> int | None:
        """Return the first line that is none of the three that make DAGs of specifications."""
        return next((node.lineno for node in self._tree.body if not _is_of_adapter(node)), None)


def _name(function: ast.expr) -> str:
    match function:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def _is_of_adapter(node: ast.stmt) -> bool:
    match node:
        case ast.Expr(value=ast.Constant(value=str())):
            return True
        case ast.ImportFrom(module=str(module), level=0):
            return module.partition(".")[0] in ("__future__", "pathlib", _ADAPTER)
        case ast.Import(names=names):
            return all(alias.name in ("pathlib", f"{_ADAPTER}.dags") for alias in names)
        case ast.Expr(
            value=ast.Call(
                func=ast.Attribute(value=ast.Call(func=ast.Name(id="globals")), attr="update"),
                args=[ast.Call(func=called)],
            )
        ):
            return _name(called) == "dags"
    return False


def files(folder: Path) -> Sequence[Path]:
    """Return the Python files below a folder, without tests and installed packages."""
    try:
        found = repository.files(folder, "*.py")
    except repository.NoRepositoryError:
        found = sorted(folder.rglob("*.py"))
    return [file for file in found if not _is_left_out(file.relative_to(folder).parent)]


def _is_left_out(folder: Path) -> bool:
    return any(part.startswith(".") or part in _LEFT_OUT for part in folder.parts)
