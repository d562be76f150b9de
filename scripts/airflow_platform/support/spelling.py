"""Suggestions for misspelt names."""

import difflib


def did_you_mean(word: str, known: tuple[str, ...]) -> str:
    """Return a question for messages with the names near ``word``, "" when there are none."""
    near = difflib.get_close_matches(word, known, n=3, cutoff=0.5)
    quoted = " or ".join(f'"{name}"' for name in near)
    return f" (did you mean {quoted}?)" if near else ""
