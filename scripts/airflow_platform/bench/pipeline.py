"""What a log line costs Vector, with the shipped configuration and with parts of it."""

import copy
import json
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from airflow_platform.bench.sidecar_files import Config, place
from airflow_platform.bench.vector import anonymous_bytes
from airflow_platform.support import processes
from airflow_platform.support.errors import PlatformError

# A line of Airflow 3 as it writes most of them.
_LINE = (
    '{{"timestamp":"{time}","level":"info","event":"Filling up the DagBag from'
    ' /opt/airflow/dags/probe.py","logger":"airflow.models.dagbag.BundleDagBag",'
    '"filename":"dagbag.py","lineno":{number}}}\n'
)
_FILE = "dag_id=bench/run_id=manual__2026-11-21T08:06:43+00:00/task_id=burst/attempt=1.log"
_SECONDS = 300  # for one run


@dataclass(frozen=True)
class Cost:
    """``microseconds`` of processor time for each line, and peak of anonymous memory in bytes."""

    microseconds: float
    anonymous_bytes: int


def variants(config: Mapping[str, Any]) -> dict[str, Config]:
    """Return configurations by what they leave out of ``config``, the file source alone last."""
    made: dict[str, Config] = {"as shipped": _changed(config)}
    parse = config["transforms"]["parse"]
    for name in config["transforms"]:
        if name not in ("suspicious", "redact", "parse", "fields"):
            made[f"without {name}"] = _without(config, name)
    if "redact" in config["transforms"]:
        source = {"inputs": ["task_logs"]}
        made["without redaction"] = _without(_changed(config, parse=parse | source), "redacted")
        for name in ("suspicious", "redact"):
            del made["without redaction"]["transforms"][name]
    made["without multiline"] = _changed(config)
    del made["without multiline"]["sources"]["task_logs"]["multiline"]
    made["without acknowledgements"] = _changed(config)
    made["without acknowledgements"]["sinks"]["loki"]["acknowledgements"] = {"enabled": False}
    nowhere = {"type": "blackhole", "acknowledgements": {"enabled": True}}
    made["to a blackhole"] = _changed(config)
    made["to a blackhole"]["sinks"] = {"nowhere": nowhere | {"inputs": ["fields"]}}
    made["file source alone"] = _changed(config)
    made["file source alone"]["transforms"] = {}
    made["file source alone"]["sinks"] = {"nowhere": nowhere | {"inputs": ["task_logs"]}}
    return made


def measure(
    config: Config, files: Path, vector: Path, loki_url: str, lines: int, chunk_size: str
) -> Cost:
    """Run Vector on a log file of so many lines, from the directory ``files`` of its programs.

    ``chunk_size`` is VECTOR_CHUNK_SIZE_EVENTS. The processor time of a run with one line is
    subtracted. Raise PlatformError if Vector does not deliver all.
    """
    idle, _ = _run(config, files, vector, loki_url, 1, chunk_size)
    seconds, memory = _run(config, files, vector, loki_url, lines, chunk_size)
    return Cost((seconds - idle) / lines * 1e6, memory)


def _changed(config: Mapping[str, Any], **transforms: Any) -> Config:
    made: Config = copy.deepcopy(dict(config))
    made["transforms"].update(transforms)
    return made


def _without(config: Mapping[str, Any], name: str) -> Config:
    made = _changed(config)
    (before,) = made["transforms"].pop(name)["inputs"]
    for id_, sink in list(made["sinks"].items()):
        if sink["inputs"] == [name] and id_ != "loki":
            del made["sinks"][id_]  # it has nothing to count any more
    for step in (*made["transforms"].values(), *made["sinks"].values()):
        step["inputs"] = [before if each == name else each for each in step["inputs"]]
    return made


def _run(
    config: Config, files: Path, vector: Path, loki_url: str, lines: int, chunk_size: str
) -> tuple[float, int]:
    with tempfile.TemporaryDirectory(prefix="bench-") as made:
        directory = Path(made)
        logs, data = directory / "logs", directory / "data"
        data.mkdir()
        log = logs / _FILE
        log.parent.mkdir(parents=True)
        log.write_text("".join(_lines(lines)), encoding="utf-8")
        programs = directory / "programs"
        placed = place(files, config, programs, logs=logs, data=data)
        if "loki" in placed["sinks"]:
            placed["sinks"]["loki"] |= {"endpoint": loki_url, "compression": "none"}
        (programs / "vector.yaml").write_text(yaml.safe_dump(placed), encoding="utf-8")
        environment = {
            "PATH": os.environ["PATH"],
            "POD_NAME": "bench",
            "POD_NAMESPACE": "airflow",
            "VECTOR_CONFIG": "vector.yaml",
            "VECTOR_THREADS": "1",
            "VECTOR_CHUNK_SIZE_EVENTS": chunk_size,
            "VECTOR_LOG": "warn",
            "LOKI_MAX_LINE_BYTES": "250000",
        }
        with (directory / "output").open("wb") as output:
            process = processes.start([str(vector)], cwd=programs, env=environment, output=output)
        try:
            memory = _wait(process.pid, data / "task_logs" / "checkpoints.json", log.stat().st_size)
            if memory is None:
                said = (directory / "output").read_text(encoding="utf-8", errors="replace")
                raise PlatformError(f"Vector has not delivered all lines. It said:\n{said[-2000:]}")
            process.terminate()
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        finally:
            processes.end(process)
        return usage.ru_utime + usage.ru_stime, memory


def _wait(pid: int, checkpoints: Path, size: int) -> int | None:
    """Wait until Loki has accepted ``size`` bytes; return the peak of memory in the meantime."""
    peak = 0
    end = time.monotonic() + _SECONDS
    while time.monotonic() < end:
        time.sleep(0.02)
        if not (now := anonymous_bytes(pid)):  # it has ended
            return None
        peak = max(peak, now)
        with suppress(OSError, ValueError):
            found = json.loads(checkpoints.read_text())["checkpoints"]
            if any(each["position"] >= size for each in found):
                return peak
    return None


def _lines(number: int) -> Iterator[str]:
    begin = datetime.now(UTC) - timedelta(minutes=1)
    for index in range(number):
        moment = (begin + timedelta(microseconds=317 * index)).isoformat(timespec="microseconds")
        yield _LINE.format(time=moment.replace("+00:00", "Z"), number=index % 1000)
