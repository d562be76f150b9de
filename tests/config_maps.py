"""ConfigMaps as pods see them."""

from collections.abc import Mapping
from pathlib import Path


def mounted(folder: Path, data: Mapping[str, str]) -> Path:
    """Write the files of a ConfigMap as kubelet does: links into a directory behind a link."""
    version = folder / "..2026_11_27_08_00_00.123"
    version.mkdir(parents=True)
    (folder / "..data").symlink_to(version.name)
    for name, text in data.items():
        (version / name).write_text(text, encoding="utf-8")
        (folder / name).symlink_to(f"..data/{name}")
    return folder
