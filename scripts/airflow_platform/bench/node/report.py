"""What was measured on a node, as tables of medians."""

import statistics
from collections.abc import Iterable, Mapping, Sequence

from airflow_platform.bench.figures import mebibytes, share
from airflow_platform.bench.node.runner import Result
from airflow_platform.support.table import table

Results = Mapping[tuple[str, str], Sequence[Result]]  # by shape and method

_SHOWN_CHARACTERS = 300
_COUNTS = ("WRITTEN", "DELIVERED", "EXTRA")
_SHAPES = ("SHAPE", "METHOD", *_COUNTS, "ADDED", "MAX", "CPU", "IDLE CPU", "IDLE", "PEAK", "EXIT")
_PODS = ("METHOD", "PODS", *_COUNTS, "START", "ADDED", "WHOLE")


def shapes_table(results: Results) -> str:
    """Return a row for each shape and method, and below it what sidecars say of lost lines."""
    rows = [_shape_row(*names, runs) for names, runs in results.items()]
    said = [
        f"{shape}, {method}: {_told(runs)}"
        for (shape, method), runs in results.items()
        if any(run.delivered < run.written for run in runs)
    ]
    return "\n".join([table(_SHAPES, rows), *(["", *said] if said else [])])


def pods_table(results: Mapping[str, Sequence[Result]]) -> str:
    """Return a row for each method, of its pods that ran one after the other."""
    return table(_PODS, [_pods_row(method, runs) for method, runs in results.items()])


def _shape_row(shape: str, method: str, runs: Sequence[Result]) -> tuple[object, ...]:
    added = [run.times.added for run in runs if run.times.added is not None]
    used = [run.usage for run in runs if run.usage]
    return (
        *(shape, method, *_counts(runs)),
        *(_ms(statistics.median(added)), _ms(max(added))),
        f"{statistics.median(each.cpu_seconds for each in used):.2f} s",
        f"{100 * statistics.median(each.idle_cpu for each in used):.1f} %",
        mebibytes(statistics.median(each.idle_bytes for each in used)),
        mebibytes(max(each.peak_bytes for each in used)),
        ", ".join(_each_once(run.exit_code for run in runs)),
    )


def _pods_row(method: str, runs: Sequence[Result]) -> tuple[object, ...]:
    added = [run.times.added for run in runs if run.times.added is not None]
    return (
        *(method, len(runs), *_counts(runs)),
        _ms(statistics.median(run.times.start for run in runs)),
        _ms(statistics.median(added)) if added else "-",
        _ms(statistics.median(run.times.whole for run in runs)),
    )


def _counts(runs: Sequence[Result]) -> tuple[object, ...]:
    written, delivered = (
        sum(getattr(run, name) for run in runs) for name in ("written", "delivered")
    )
    return written, share(delivered, written), sum(run.extra for run in runs)


def _told(runs: Sequence[Result]) -> str:
    """Return the first thing that a person can read of lines that are missing."""
    said = [run.message or run.error for run in runs if run.delivered < run.written]
    return next((_first_line(each) for each in said if each), "nothing")


def _first_line(text: str) -> str:
    return text.splitlines()[0][:_SHOWN_CHARACTERS]


def _each_once(values: Iterable[object]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(map(str, values)))


def _ms(milliseconds: float) -> str:
    return f"{milliseconds:.0f} ms"
