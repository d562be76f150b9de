"""Lengths of time as people write them on the command line."""

import argparse
import re
from datetime import timedelta

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def duration(text: str) -> timedelta:
    """Return the time that ``text``, such as 90m, says; ArgumentTypeError for anything else."""
    written = re.fullmatch(r"(\d{1,6})([smhd])", text)
    if not written:
        raise argparse.ArgumentTypeError(f"{text} is not a time such as 30s, 90m, 24h or 7d")
    return timedelta(**{_UNITS[written[2]]: int(written[1])})
