"""Images of containers, made of files of this machine."""

import hashlib
import io
import json
import re
import shutil
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from airflow_platform.support import processes
from airflow_platform.support.errors import PlatformError

_SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
# glibc looks for names in /etc/hosts, and asks nobody.
_FILES = {
    "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
    "/etc/passwd": "root:x:0:0::/root:/bin/sh\nairflow:x:50000:0::/home/airflow:/bin/sh\n",
    "/etc/group": "root:x:0:\n",
}


@dataclass(frozen=True)
class Image:
    """What is in an image, by paths in it.

    ``programs`` are copied with the libraries that they load. ``shell`` adds dash as /bin/sh, the
    programs of busybox and nc: a shell that has these as its own commands would not take a program
    of that name from its PATH.
    """

    programs: Mapping[str, Path] = field(default_factory=dict)
    files: Mapping[str, Path] = field(default_factory=dict)
    shell: bool = False
    entrypoint: tuple[str, ...] = ()
    user: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)

    def save(self, name: str, archive: Path) -> None:
        """Write the image as an archive that `docker save` could have written."""
        layer = io.BytesIO()
        with tarfile.open(fileobj=layer, mode="w") as tar:
            for path, text in _FILES.items():
                _add(tar, path, text.encode())
            for path, source in self._files():
                _add(tar, path, source.read_bytes(), executable=source.stat().st_mode & 0o111 != 0)
            for link, target in self._links():
                entry = tarfile.TarInfo(link.lstrip("/"))
                entry.type, entry.linkname = tarfile.SYMTYPE, target
                tar.addfile(entry)
            for path in ("/tmp", "/var/tmp"):
                entry = tarfile.TarInfo(path.lstrip("/"))
                entry.type, entry.mode = tarfile.DIRTYPE, 0o1777
                tar.addfile(entry)
        content = layer.getvalue()
        config = json.dumps(self._config(hashlib.sha256(content).hexdigest())).encode()
        manifest = [{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]
        with tarfile.open(archive, "w") as tar:
            _add(tar, "layer.tar", content)
            _add(tar, "config.json", config)
            _add(tar, "manifest.json", json.dumps(manifest).encode())

    def _files(self) -> Iterator[tuple[str, Path]]:
        programs = dict(self.programs)
        if self.shell:
            programs |= {f"/bin/{name}": _program(name) for name in ("dash", "busybox")}
            # OpenBSD's ends when it has had nothing to send for a second, unlike that of Alpine.
            programs["/bin/nc"] = _program("nc.traditional")
        libraries = {library for program in programs.values() for library in _libraries(program)}
        yield from {**programs, **{str(each): each for each in libraries}, **self.files}.items()

    def _links(self) -> Iterator[tuple[str, str]]:
        if not self.shell:
            return
        yield "/bin/sh", "dash"
        listed = processes.run([_program("busybox"), "--list"]).stdout.split()
        taken = {"sh", "nc", "busybox", *(Path(path).name for path in self.programs)}
        for name in sorted({*listed} - taken):
            yield f"/bin/{name}", "busybox"

    def _config(self, layer: str) -> dict[str, object]:
        variables = {"PATH": _SEARCH_PATH, **self.environment}
        config = {
            "Entrypoint": list(self.entrypoint),
            "Env": [f"{name}={value}" for name, value in variables.items()],
            "User": self.user,
        }
        return {
            "architecture": _architecture(),
            "os": "linux",
            "config": config,
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer}"]},
        }


def _add(tar: tarfile.TarFile, path: str, content: bytes, *, executable: bool = False) -> None:
    entry = tarfile.TarInfo(path.lstrip("/"))
    entry.size, entry.mode = len(content), 0o755 if executable else 0o644
    tar.addfile(entry, io.BytesIO(content))


def _program(name: str) -> Path:
    found = shutil.which(name)
    if not found:
        raise PlatformError(f"There is no program {name}. Install it.")
    return Path(found).resolve()


def _libraries(program: Path) -> list[Path]:
    """Return the libraries of a program, and what loads them; none of one that has all in it."""
    said = processes.run(["ldd", program])
    return [
        Path(path) for path in re.findall(r"(?:^\s*|=> )(/\S+) \(0x", said.stdout, re.MULTILINE)
    ]


def _architecture() -> str:
    import platform

    return _ARCHITECTURES.get(platform.machine(), platform.machine())
