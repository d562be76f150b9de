"""Cron expressions that all versions of Airflow read alike.

Airflow reads them with croniter, in versions from 2.0 to 7.0: what only some of them know, or read
in another way, is refused.
"""

from __future__ import annotations

import re
from datetime import datetime

from croniter import CroniterBadDateError, croniter

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
# The first and the last value of each field, and the names of its values. Day 7 is Sunday again.
_FIELDS: tuple[tuple[int, int, dict[str, int]], ...] = (
    (0, 59, {}),
    (0, 23, {}),
    (1, 31, {}),
    (1, 12, {name: number for number, name in enumerate(_MONTHS, 1)}),
    (0, 7, {name: number for number, name in enumerate(_DAYS)}),
)
_VALUE = r"[0-9]{1,2}|[A-Za-z]{3}"
_ITEM = re.compile(rf"(?:\*|({_VALUE})(?:-({_VALUE}))?)(?:/([0-9]{{1,2}}))?", re.ASCII)


def fault(text: str) -> str:
    """Return what is wrong with a cron expression, "" when it is right."""
    fields = text.split()
    if len(fields) != len(_FIELDS):
        return (
            f'"{text}" is no cron expression: minute, hour, day of the month, month and day of'
            ' the week, such as "0 3 * * *"'
        )
    for index, field in enumerate(fields):
        for item in field.split(","):
            if what := _fault_of_item(item, *_FIELDS[index]):
                return f'"{text}" is no cron expression: {what}'
    try:
        croniter(text)
        # Only some versions go by the day of the week where there is no such day of the month.
        croniter(" ".join([*fields[:-1], "*"]), datetime(2026, 1, 1)).get_next()
    except CroniterBadDateError:
        return f'"{text}" never comes: there is no such day'
    except (ValueError, KeyError, TypeError) as error:
        return f'"{text}" is no cron expression: {error}'
    return ""


def _fault_of_item(item: str, first: int, last: int, names: dict[str, int]) -> str:
    found = _ITEM.fullmatch(item)
    begin, end, step = found.groups() if found else (None, None, None)
    numbers = [_number(word, names) for word in (begin, end) if word]
    if not found or not all(first <= number <= last for number in numbers):
        named = f" ({', '.join([*names][:2])}, ...)" if names else ""
        return (
            f'instead of "{item}" write {first} to {last}{named}, a list such as 1,2, a range such'
            " as 1-5, a step such as */2, or *"
        )
    if begin and step and not end:
        return f'"{item}" has a step, but no end; write {begin}-{last}/{step}'
    if end:
        low, high = numbers
        if low > high == 0 and last == 7:
            high = 7  # until Sunday
        if low == high:
            return f'"{item}" is one value; write {begin}'
        if low > high:
            instead = "two ranges" if step else f"{_range(begin, last)},{_range(first, end)}"
            return f'"{item}" goes backwards; write {instead}'
    return ""


def _range(begin: object, end: object) -> str:
    return f"{begin}" if str(begin) == str(end) else f"{begin}-{end}"


def _number(word: str, names: dict[str, int]) -> int:
    """Return the number that a number or a name is, -1 for another word."""
    return int(word) if word.isdigit() else names.get(word.upper(), -1)
