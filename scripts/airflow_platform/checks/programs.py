"""Programs and configuration inside ConfigMaps, judged by the programs that will read them."""

import json
import tempfile
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from airflow_platform.checks.violations import (
    CHECKS,
    Fault,
    NotCheckedError,
    containers,
    is_ours,
    needed,
)
from airflow_platform.manifests import Render
from airflow_platform.metrics.statsd_exporter import complaint
from airflow_platform.support import processes
from airflow_platform.support.answers import ask
from airflow_platform.support.frozen import thaw
from airflow_platform.support.vector import NoVectorError, find_vector


@CHECKS.add
def vector_accepts_its_configuration(render: Render) -> Iterator[Fault]:
    """Let Vector validate its configuration, VRL programs included."""
    for config in render.embedded("VectorConfig"):
        try:
            vector = find_vector()
        except NoVectorError as error:
            raise NotCheckedError(str(error), everywhere=False) from None
        with tempfile.TemporaryDirectory() as directory:
            for key, text in config.owner.at("data").items():
                Path(directory, key).write_text(text, encoding="utf-8")
            options = ("--no-environment", "--deny-warnings", config.key)
            if said := _complaint([vector, "validate", *options], directory=directory):
                yield config, said


@CHECKS.add
def vrl_compiles(render: Render) -> Iterator[Fault]:
    """Compile each VRL program of Vector's transforms, as the transform puts its files together."""
    for config in render.embedded("VectorConfig"):
        files = config.owner.at("data")
        for id_, transform in (config.document.get("transforms") or {}).items():
            if transform.get("type") != "remap":
                continue
            names = transform.get("files") or [transform[f] for f in ("file",) if f in transform]
            if missing := [name for name in names if name not in files]:
                yield config, f"transforms.{id_} reads {', '.join(missing)}, which is not there"
                continue
            program = "\n".join((transform.get("source", ""), *(files[n] for n in names)))
            if said := _compilers_complaint(program):
                yield config, f"transforms.{id_}: {said}"


@cache  # the renders of a chart have most programs in common
def _compilers_complaint(program: str) -> str:
    """Return what the compiler of VRL says about a program that it refuses, else ""."""
    try:
        from pyvrl import Transform  # type: ignore[import-untyped]
    except ImportError:
        reason = "VRL is not compiled without pyVRL: pip install pyVRL"
        raise NotCheckedError(reason) from None
    try:
        Transform(program)
    except Exception as error:
        return _one_line(str(error)) or "refused"
    return ""


@CHECKS.add
def shell_programs_parse(render: Render) -> Iterator[Fault]:
    """Let a shell read each program in a ConfigMap, and each that a command of ours holds."""
    for program in render.embedded("Shell"):
        if said := _complaint(["sh", "-n"], given=program.text):
            yield program, said
    for container in filter(is_ours, containers(render)):
        match container.document.get("command") or ():
            case ("sh" | "/bin/sh", "-c", program, *_):
                if said := _complaint(["sh", "-n"], given=program):
                    yield container, f"command: {said}"


@CHECKS.add
def statsd_exporter_accepts_the_mapping(render: Render) -> Iterator[Fault]:
    """Let statsd_exporter check its mapping: with one that it refuses it does not start."""
    for mapping in render.embedded("StatsdMapping"):
        needed("statsd_exporter")
        if said := complaint(mapping.text):
            yield mapping, _one_line(said)


@CHECKS.add
def prometheus_accepts_the_rules(render: Render) -> Iterator[Fault]:
    """Let promtool check alerts and recording rules."""
    for rules in render.all("PrometheusRule"):
        answer = ask(needed("promtool"), "check", "rules", given=json.dumps(thaw(rules.at("spec"))))
        if answer.code:
            yield rules, _one_line(answer.stdout + answer.stderr)


def _complaint(
    command: Sequence[str | Path], *, given: str | None = None, directory: str | None = None
) -> str:
    """Run ``command`` and return what it says when it fails, "" when it does not."""
    done = processes.run(command, given=given, cwd=directory)
    return _one_line(done.stdout + done.stderr) or "refused" if done.returncode else ""


def _one_line(text: str) -> str:
    return "; ".join(line.strip() for line in text.splitlines() if line.strip())
