"""Hook of MkDocs: files outside of docs/ to which documents link are pages of the site as well.

So the site is complete by itself, and shows the files of the version that it describes, wherever
it is read. Documents keep the links that work in a checkout.
"""

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from airflow_platform.support.project import ROOT

_DOCS = "docs"
# Pages of files outside of docs/ are below this folder of the site.
_FOLDER = "repository"
_LINK = re.compile(r"(?<=\]\()(?!\w+:|#|/)([^)#\s]+)(#[^)\s]*)?(?=\))")
_CODE = re.compile(r"^ *(`{3,}).*?^ *\1 *$|`[^`\n]+`", re.MULTILINE | re.DOTALL)


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add a page for each file outside of docs/ that a page links to, directly or by another."""
    waiting = [f"{_DOCS}/{file.src_uri}" for file in files.documentation_pages()]
    for path in waiting:
        if path.endswith(".md"):
            linked = (_target(path, link) for link, _ in _links(_text(path)))
            waiting += sorted({target for target in linked if target} - set(waiting))
    for path in waiting:
        if not path.startswith(f"{_DOCS}/"):
            files.append(File.generated(config, _page(path), content=_content(path)))
    return files


def on_page_markdown(markdown: str, *, page: Page, **_: object) -> str:
    """Lead the links of a page that leave its folder to the pages of their files."""
    here = page.file.src_uri
    source = (
        here.removeprefix(f"{_FOLDER}/") if here.startswith(f"{_FOLDER}/") else f"{_DOCS}/{here}"
    )

    def led(match: "re.Match[str]") -> str:
        if any(start <= match.start() < end for start, end in code):
            return match[0]
        target = _target(source, match[1])
        if not target:
            return match[0]  # MkDocs reports it
        return posixpath.relpath(_page(target), posixpath.dirname(here)) + (match[2] or "")

    code = [match.span() for match in _CODE.finditer(markdown)]
    return _LINK.sub(led, markdown)


def _links(markdown: str) -> Iterator[tuple[str, str]]:
    for match in _LINK.finditer(_CODE.sub("", markdown)):
        yield match[1], match[2] or ""


def _target(path: str, link: str) -> str:
    """Return the path in the repository to which a link in a file leads; empty if there is none."""
    target = posixpath.normpath(posixpath.join(posixpath.dirname(path), link))
    return target if (ROOT / target).exists() else ""


def _page(path: str) -> str:
    """Return the path in the site's sources of the page of a file or folder of the repository."""
    if path.startswith(f"{_DOCS}/"):
        return path.removeprefix(f"{_DOCS}/")
    if path.startswith("."):  # MkDocs leaves hidden files out
        return _page(path[1:])
    if path.endswith(".md"):
        return f"{_FOLDER}/{path}"
    return f"{_FOLDER}/{path}/index.md" if (ROOT / path).is_dir() else f"{_FOLDER}/{path}.md"


def _content(path: str) -> str:
    """Return a page that shows a file as it is, or the names of the files in a folder."""
    file = ROOT / path
    if path.endswith(".md"):
        return _text(path)
    title = f"---\nsearch: {{exclude: true}}\n---\n\n# `{path}`\n\n"
    if file.is_dir():
        names = sorted(str(found.relative_to(file)) for found in file.rglob("*") if found.is_file())
        return title + "".join(f"- `{name}`\n" for name in names)
    language = {"tpl": "yaml", "tf": "hcl"}.get(file.suffix[1:], file.suffix[1:])
    return f"{title}````{language}\n{_text(path)}````\n"


def _text(path: str | Path) -> str:
    return (ROOT / path).read_text(encoding="utf-8")
