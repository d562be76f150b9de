"""Artificial delays in DAG code, which people add so that an agent on the node sees a task's log.

The code is read, never run. A delay is artificial at the end of a task: a sleep after which a
function that Airflow calls, or a shell command, does nothing more. A sleep in a loop waits for
something, and a task that does nothing but sleep has no log to wait for.
"""

import ast
import os
import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from airflow_platform.support.errors import PlatformError

_SLEEPS = frozenset({"time.sleep", "asyncio.sleep", "anyio.sleep", "trio.sleep", "gevent.sleep"})
# Arguments of operators and containers that are functions of a task, or commands.
_CALLABLES = frozenset(
    {
        "python_callable",
        "pre_execute",
        "post_execute",
        "on_success_callback",
        "on_failure_callback",
        "on_retry_callback",
    }
)
_COMMANDS = frozenset({"bash_command", "cmds", "arguments", "args", "command", "commands"})
# Functions that run a command, and those that only make something else of a value.
_SHELLS = frozenset(
    {"os.system", *(f"subprocess.{name}" for name in ("run", "call", "check_call", "check_output"))}
)
_CONVERSIONS = frozenset(
    {"str", "int", "float", "bool", "len", "dict", "list", "tuple", "set", "sorted", "repr"}
    | {"json.dumps", "json.loads"}
)
_METHODS = frozenset({"execute", "execute_complete", "post_execute"})

# What may follow a sleep that is the end of a task all the same.
_QUIET_CALLS = frozenset(
    {"print", "debug", "info", "warning", "error", "exception", "critical", "log", "flush", "exit"}
)
_QUIET_COMMANDS = frozenset({"", "exit", "echo", "printf", "true", ":", "fi", "}", ")", "sync"})
_SHELL_SEPARATOR = re.compile(r"(?:;|\n|&&|\|\||&)+")
_SHELL_COMMENT = re.compile(r"(?m)(?:^|(?<=\s))#.*$")
_SHELL_PREFIX = re.compile(r"(?:(?:then|else|do|exec|command|[{(!])\s*)+(?=\S)")
_TRAP = re.compile(r"\btrap\s+(?P<quote>['\"]).*?\bsleep\b.*?(?P=quote)", re.DOTALL)

_ONLY_SLEEP = re.compile(r"\s*(?:/\S*/)?sleep\s[^;&|\n]*")

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Delay:
    """A sleep at the end of a task: where it is, in which function or argument, what it says."""

    file: str
    line: int
    where: str
    code: str


@dataclass(frozen=True)
class Unreadable:
    """A file that nobody can look into, and why."""

    file: str
    reason: str


def delays_in(directory: Path) -> tuple[list[Delay], list[Unreadable]]:
    """Return the artificial delays in the Python files below ``directory``, and what is no Python.

    PlatformError when there is no such directory.
    """
    if not directory.is_dir():
        raise PlatformError(f"--dags {directory} is no directory. Name the folder with your DAGs.")
    delays: list[Delay] = []
    unreadable: list[Unreadable] = []
    for path in _python_files(directory):
        name = path.relative_to(directory).as_posix()
        try:
            content = path.read_bytes()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about the user's code, such as "\d"
                tree = ast.parse(content)
            delays += _Module(name, content, tree).delays()
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            unreadable.append(Unreadable(name, _reason(error)))
        except OSError as error:
            unreadable.append(Unreadable(name, error.strerror or str(error)))
    return delays, unreadable


def _reason(error: Exception) -> str:
    if isinstance(error, SyntaxError):
        line = f"line {error.lineno}: " if error.lineno else ""
        return f"{line}no Python 3: {error.msg}"
    if isinstance(error, (RecursionError, MemoryError)):
        return "too deeply nested"
    return str(error)


def _python_files(directory: Path) -> Iterator[Path]:
    """Yield each file once, also through symbolic links; hidden folders are left out."""
    seen: set[str] = set()
    for folder, folders, files in os.walk(directory, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(
            name for name in folders if not name.startswith(".") and name != "__pycache__"
        )
        for name in sorted(files):
            path = Path(folder, name)
            if name.endswith(".py") and (file := os.path.realpath(path)) not in seen:
                seen.add(file)
                yield path


class _Module:
    """One file: what its names stand for, and which of its functions are tasks."""

    def __init__(self, name: str, content: bytes, tree: ast.Module) -> None:
        self.name = name
        # Lines as Python counts them, for which a form feed ends none.
        self.lines = re.split(r"\r\n?|\n", content.decode("utf-8", errors="replace"))
        self.nodes = list(ast.walk(tree))
        self.imported = dict(_imports(self.nodes))
        self.functions = {node.name: node for node in self.nodes if isinstance(node, Function)}
        self.texts = {
            target.id: node.value
            for node in self.nodes
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }

    def delays(self) -> list[Delay]:
        found = {*self._of_functions(), *self._of_commands()}
        return sorted(found, key=lambda delay: delay.line)

    def _delay(self, node: ast.AST, where: str) -> Delay:
        line = getattr(node, "lineno", 1)
        return Delay(self.name, line, where, self.lines[line - 1].strip())

    # --- Python

    def _of_functions(self) -> Iterator[Delay]:
        for node in self.nodes:
            if isinstance(node, Function) and self._is_task(node):
                yield from self._of_function(node)
            elif isinstance(node, ast.ClassDef) and node.bases:
                for member in node.body:
                    if isinstance(member, Function) and member.name in _METHODS:
                        yield from self._of_function(member)
            elif isinstance(node, ast.keyword) and node.arg in _CALLABLES:
                for function in self._named_functions(node.value):
                    yield from self._of_function(function)

    def _of_function(self, function: Function) -> Iterator[Delay]:
        if self._does_something(function.body):
            for sleep in self._at_the_end(function.body, {function.name}):
                yield self._delay(sleep, f"{function.name}()")
            for block in _blocks_that_leave(function):
                for sleep in self._at_the_end(block, {function.name}):
                    yield self._delay(sleep, f"{function.name}()")

    def _is_task(self, function: Function) -> bool:
        names = map(self._name, function.decorator_list)
        return any("task" in name.split(".") for name in names)

    def _named_functions(self, value: ast.expr) -> Iterator[Function]:
        """Yield the functions of this file that an argument names, also in a list or partial."""
        for node in ast.walk(value):
            name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", None)
            if name in self.functions:
                yield self.functions[name]

    def _does_something(self, body: Sequence[ast.stmt]) -> bool:
        """Say whether there is more in it than sleeps and what is written in between."""
        return any(
            not isinstance(statement, ast.Pass | ast.Import | ast.ImportFrom)
            and not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant))
            and not any(self._sleeps(statement))
            for statement in body
        )

    def _at_the_end(self, body: Sequence[ast.stmt], callers: set[str]) -> Iterator[ast.AST]:
        """Yield the sleeps after which nothing is done."""
        for statement in reversed(body):
            if sleeps := list(self._sleeps(statement)):
                yield from sleeps
            elif (helper := self._helper(statement)) and helper.name not in callers:
                yield from self._at_the_end(helper.body, {*callers, helper.name})
                return
            elif isinstance(statement, ast.For) and all(map(self._is_quiet, statement.body)):
                yield from (sleep for each in statement.body for sleep in self._sleeps(each))
                return
            elif blocks := _last_blocks(statement):
                for block in blocks:
                    yield from self._at_the_end(block, callers)
                return
            elif not self._is_quiet(statement):
                return

    def _sleeps(self, statement: ast.stmt) -> Iterator[ast.AST]:
        """Yield the sleep that a statement is."""
        if isinstance(statement, ast.Expr | ast.Return) and statement.value is not None:
            value = statement.value
            value = value.value if isinstance(value, ast.Await) else value
            if isinstance(value, ast.Call) and (
                self._name(value.func) in _SLEEPS or self._is_sleeping_command(value)
            ):
                yield value

    def _is_sleeping_command(self, call: ast.Call) -> bool:
        """Say whether a call runs the command sleep, and nothing else."""
        if self._name(call.func) not in _SHELLS or not call.args:
            return False
        command = " ".join(self._text(call.args[0]))
        return bool(_ONLY_SLEEP.fullmatch(command))

    def _helper(self, statement: ast.stmt) -> Function | None:
        """Return the function of this file that a statement calls, and that ends in a sleep."""
        if not isinstance(statement, ast.Expr | ast.Return):
            return None
        value = statement.value
        value = value.value if isinstance(value, ast.Await) else value
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Name | ast.Attribute):
            name = value.func.id if isinstance(value.func, ast.Name) else value.func.attr
            return self.functions.get(name)
        return None

    def _is_quiet(self, statement: ast.stmt) -> bool:
        """Say whether a statement does no more than to say something or to leave."""
        if isinstance(statement, ast.Pass | ast.Raise) or any(self._sleeps(statement)):
            return True
        if isinstance(statement, ast.Return):
            return not any(
                isinstance(node, ast.Await | ast.Yield)
                or (isinstance(node, ast.Call) and self._name(node.func) not in _CONVERSIONS)
                for node in ast.walk(statement)
            )
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
            return self._name(statement.value.func).split(".")[-1] in _QUIET_CALLS
        return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)

    def _name(self, node: ast.expr) -> str:
        """Return the full name that an expression stands for, such as time.sleep; "" for none."""
        if isinstance(node, ast.Call):
            return self._name(node.func)
        if isinstance(node, ast.Attribute):
            return f"{self._name(node.value)}.{node.attr}"
        if isinstance(node, ast.Name):
            return self.imported.get(node.id, node.id)
        return ""

    # --- Shell

    def _of_commands(self) -> Iterator[Delay]:
        for node in self.nodes:
            if isinstance(node, ast.keyword) and node.arg in _COMMANDS:
                for text in self._text(node.value):
                    if _ends_in_sleep(text):
                        yield self._delay(node.value, node.arg)
                        break
            elif isinstance(node, ast.FunctionDef) and self._is_bash_task(node):
                for statement in ast.walk(node):
                    value = statement.value if isinstance(statement, ast.Return) else None
                    if value and any(map(_ends_in_sleep, self._text(value))):
                        yield self._delay(statement, f"{node.name}()")

    def _is_bash_task(self, function: Function) -> bool:
        return any(self._name(each).endswith("task.bash") for each in function.decorator_list)

    def _text(self, node: ast.expr, depth: int = 0) -> Iterator[str]:
        """Yield the commands in an expression; what is not known stands there as a word."""
        if depth > 20:
            return
        match node:
            case ast.Constant(value=str(text)):
                yield text
            case ast.JoinedStr(values=parts):
                yield "".join(
                    str(part.value) if isinstance(part, ast.Constant) else "{}" for part in parts
                )
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                before = "".join(self._text(left, depth + 1)) or "{}"
                yield from (before + text for text in self._text(right, depth + 1))
            case ast.BinOp(left=left, op=ast.Mod()):
                yield from self._text(left, depth + 1)
            case ast.List(elts=items) | ast.Tuple(elts=items):
                for item in items:
                    yield from self._text(item, depth + 1)
            case ast.Call(
                func=ast.Attribute(value=ast.Constant(value=str(separator)), attr="join")
            ):
                words = [text for each in node.args for text in self._text(each, depth + 1)]
                yield separator.join(words)
            case ast.Call(func=ast.Attribute(value=text, attr="format" | "strip" | "replace")):
                yield from self._text(text, depth + 1)
            case ast.Call(args=[text, *_]):  # textwrap.dedent and the like
                yield from self._text(text, depth + 1)
            case ast.Name(id=name) if name in self.texts:
                yield from self._text(self.texts[name], depth + 1)
            case _:
                return


def _imports(nodes: Sequence[ast.AST]) -> Iterator[tuple[str, str]]:
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.asname:
                    yield alias.asname, alias.name
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module or ''}.{alias.name}".lstrip(".")


def _last_blocks(statement: ast.stmt) -> list[list[ast.stmt]]:
    """Return the blocks of a compound statement one of which is run last; loops have none."""
    if isinstance(statement, ast.If):
        return [statement.body, statement.orelse]
    if isinstance(statement, ast.With | ast.AsyncWith):
        return [statement.body]
    if isinstance(statement, ast.Match):
        return [case.body for case in statement.cases]
    if isinstance(statement, ast.Try | ast.TryStar):
        if statement.finalbody:
            return [statement.finalbody]
        handlers = [handler.body for handler in statement.handlers]
        return [statement.orelse or statement.body, *handlers]
    return []


def _blocks_that_leave(function: Function) -> Iterator[list[ast.stmt]]:
    """Yield the blocks in a function that end in return or raise."""
    for node in ast.walk(function):
        for field in ("body", "orelse", "finalbody"):
            block = getattr(node, field, None)
            is_block = isinstance(block, list) and not isinstance(node, Function)
            if is_block and block and isinstance(block[-1], ast.Return | ast.Raise):
                yield block


def _ends_in_sleep(script: str) -> bool:
    """Say whether a shell command sleeps after it has done something, or on its way out."""
    if _TRAP.search(script):
        return True
    commands = [
        _SHELL_PREFIX.sub("", each.strip(), count=1)
        for each in _SHELL_SEPARATOR.split(_SHELL_COMMENT.sub("", script))
    ]
    words = [(each.split() or [""])[0].strip("\"'") for each in commands]
    sleeps = False
    for word in reversed(words):
        if word.rpartition("/")[2] == "sleep":
            sleeps = True
        elif word and (sleeps or word not in _QUIET_COMMANDS):
            return sleeps
    return False
