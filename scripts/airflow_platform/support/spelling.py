"""Names in texts: whether one is there, and suggestions for misspelt ones."""

import difflib
import re


def mentions(text: str, name: str) -> bool:
    """Say whether ``text`` has ``name`` as a whole: in no longer name of a Kubernetes object."""
    return bool(re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w.-])", text))


def did_you_mean(word: str, known: tuple[str, ...]) -> str:
    """Return a question for messages with the names near ``word``, "" when there are none."""
    near = difflib.get_close_matches(word, known, n=3, cutoff=0.5)
    quoted = " or ".join(f'"{name}"' for name in near)
    return f" (did you mean {quoted}?)" if near else ""
