"""References of container images.

https://github.com/distribution/reference/blob/main/reference.go
"""

from __future__ import annotations

import re

_PART = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_HOST = rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9A-Fa-f:]+\])(?::[0-9]+)?"
_REPOSITORY = re.compile(rf"(?:{_HOST}/)?{_PART}(?:/{_PART})*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_EXAMPLE = "registry.example.com/sales/extract:1.4.2"


def parts(image: str) -> tuple[str, str, str]:
    """Return repository, tag and digest of a reference, "" for what it has not."""
    name, _, digest = image.partition("@")
    last = name.rpartition("/")[2]
    repository, _, tag = name.rpartition(":") if ":" in last else (name, "", "")
    return repository, tag, digest


def fault(image: str) -> str:
    """Return what is wrong with a reference, "" when it names one image for ever."""
    repository, tag, digest = parts(image)
    if not image or "{{" in image:  # said by whoever checks its text
        return ""
    if "://" in image:
        return f"an image has no {image.partition('://')[0]}://; write such as {_EXAMPLE}"
    if not _REPOSITORY.fullmatch(repository):
        if _REPOSITORY.fullmatch(repository.lower()):
            return f"names of images are lower case; write {image.lower()}"
        return f'"{image}" is no name of an image; write such as {_EXAMPLE}'
    if digest or "@" in image:
        right = _DIGEST.fullmatch(digest)
        return "" if right else f'"{digest}" is no digest; write sha256: and 64 digits of 0-9a-f'
    if not tag:
        return f"{image} has no tag; write {repository}:1.0.0, or a digest"
    if tag == "latest":
        return f"{image} is another image tomorrow; write the tag of a version, or a digest"
    if not _TAG.fullmatch(tag):
        return f'"{tag}" is no tag; use letters, digits, "_", "." and "-", such as 1.4.2'
    return ""
