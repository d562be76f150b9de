"""Functions that raise the kinds of exceptions that tracebacks show."""

from collections.abc import Callable


def raised(function: Callable[[], None]) -> Exception:
    """Return what ``function`` raises."""
    try:
        function()
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


def plain() -> None:
    raise ValueError("first line\nsecond line")


def without_text() -> None:
    raise KeyError


def with_notes() -> None:
    error = RuntimeError("noted")
    error.add_note("a note\nof two lines")
    error.add_note("another one")
    raise error


def with_a_cause() -> None:
    try:
        plain()
    except ValueError as error:
        raise RuntimeError("because of it") from error


def while_handling() -> None:
    try:
        with_a_cause()
    except RuntimeError:
        raise LookupError("meanwhile")  # noqa: B904


def without_its_context() -> None:
    try:
        plain()
    except ValueError:
        raise TypeError("alone") from None


def group() -> None:
    raise ExceptionGroup("several", [OSError("one"), raised(plain), raised(while_handling)])


def group_within_a_group() -> None:
    inner = raised(group)
    inner.add_note("of the inner one")
    raise ExceptionGroup("outer", [inner, ExceptionGroup("last", [raised(plain)])])


def group_with_a_cause() -> None:
    noted = raised(with_notes)
    try:
        with_a_cause()
    except RuntimeError as error:
        raise ExceptionGroup("caused", [noted]) from error


def caused_by_a_group() -> None:
    try:
        group()
    except ExceptionGroup as error:
        raise RuntimeError("after the group") from error


def broken_syntax() -> None:
    compile("if True:\n    y = )\n", "dag.py", "exec")


ALL: dict[str, Callable[[], None]] = {
    function.__name__: function
    for function in (
        plain,
        without_text,
        with_notes,
        with_a_cause,
        while_handling,
        without_its_context,
        group,
        group_within_a_group,
        group_with_a_cause,
        caused_by_a_group,
        broken_syntax,
    )
}
