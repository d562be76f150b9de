"""Text as Markdown that GitHub shows as it was meant."""

import json
import math
import re
import textwrap

import yaml

# What GitHub would take for emphasis or for an HTML tag; underscores inside a word it does not.
_SPECIAL = re.compile(r"[\\*<]|(?<!\w)_|_(?!\w)")
_CODE = re.compile(r"(`[^`]*`)")


def code(text: str) -> str:
    """Return ``text`` as inline code."""
    runs = re.findall("`+", text)
    fence = "`" * (max(map(len, runs), default=0) + 1)
    padding = " " if runs else ""
    return f"{fence}{padding}{text}{padding}{fence}"


def value(value: object) -> str:
    """Return ``value`` as inline code: YAML on one line."""
    text = yaml.safe_dump(
        value, default_flow_style=True, sort_keys=False, allow_unicode=True, width=math.inf
    )
    text = text.removesuffix("\n").removesuffix("\n...")
    return code(json.dumps(value) if "\n" in text else text)


def prose(text: str) -> str:
    """Return the paragraphs of a comment, with its inline code, and its indented lines as YAML."""
    return "\n\n".join(
        f"```yaml\n{textwrap.dedent(block)}\n```" if block.startswith(" ") else _escaped(block)
        for block in text.split("\n\n")
    )


def _escaped(paragraph: str) -> str:
    return "".join(
        part if _CODE.fullmatch(part) else _SPECIAL.sub(r"\\\g<0>", part)
        for part in _CODE.split(paragraph)
    )


def anchor(heading: str) -> str:
    """Return the anchor that GitHub gives to ``heading``."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
