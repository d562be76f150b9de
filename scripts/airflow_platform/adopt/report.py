"""What people must know before they upgrade a release of the official chart to this one."""

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from airflow_platform.adopt import paths
from airflow_platform.adopt.changes import Changes
from airflow_platform.adopt.dags import Delay, Unreadable
from airflow_platform.adopt.release import Release
from airflow_platform.adopt.upgrade import Upgrade
from airflow_platform.adopt.values import LeftOut


@dataclass(frozen=True)
class Report:
    """Everything about one release.

    ``delays`` is None where no DAGs were looked at. ``is_written`` says whether the new values are
    in the first of ``values_files``, ``has_loki`` whether the values say where Loki is.
    """

    release: Release
    environment: str | None
    values_files: Sequence[str]
    left_out: Sequence[LeftOut]
    upgrade: Upgrade
    delays: Sequence[Delay] | None = None
    unreadable: Sequence[Unreadable] = ()
    is_written: bool = True
    has_loki: bool = True

    @property
    def must_be_decided(self) -> bool:
        """Say whether something would be lost, or would fail, if people just upgraded."""
        if (
            self.upgrade.refused
            or any(each.way_out for each in self.left_out)
            or self.release.remarks
        ):
            return True
        changes = self.upgrade.changes
        return changes is not None and bool(
            changes.immutable
            or changes.missing
            or changes.unseen
            or any(each.kind != "Secret" for each in changes.losses)
        )


def as_json(report: Report, values: Mapping[str, Any]) -> str:
    """Return the report as JSON, with the new ``values``."""
    release = report.release
    document = {
        "release": release.name,
        "namespace": release.namespace,
        "environment": report.environment,
        "executor": _executor(report),
        "mustBeDecided": report.must_be_decided,
        "values": values,
        "leftOut": [asdict(each) for each in report.left_out],
        "refused": {f"helm{major}": text for major, text in report.upgrade.refused.items()},
        "changes": asdict(report.upgrade.changes) if report.upgrade.changes else None,
        "alerts": list(report.upgrade.alerts),
        "warnings": [*release.remarks, *report.upgrade.warnings],
        "delays": None if report.delays is None else [asdict(each) for each in report.delays],
        "unreadable": [asdict(each) for each in report.unreadable],
        "commands": _commands(report),
    }
    return json.dumps(document, indent=2)


def as_text(report: Report) -> str:
    """Return the report for people; paragraphs without content are left out."""
    return "\n".join(_paragraphs(report))


def _paragraphs(report: Report) -> Iterator[str]:
    release = report.release
    yield (
        f"Release {release.name} in namespace {release.namespace}, executor {_executor(report)}."
        f"\nThe new values are {_where(report)}.\n"
    )
    for remark in release.remarks:
        yield f"{remark}\n"
    yield from _list(
        "Refused. Write what is asked for into a file, and run adopt again with -f and this file:",
        [f"Helm {major}: {text}" for major, text in report.upgrade.refused.items()],
    )
    yield from _list(
        "Settings that could not be kept, to be decided before the upgrade:",
        [f"{e.key}: {e.reason}.\n{e.way_out}" for e in report.left_out if e.way_out],
    )
    yield from _list(
        "Settings that have no effect any more and were left out:",
        [f"{e.key}: {e.reason}" for e in report.left_out if not e.way_out],
    )
    if report.upgrade.changes:
        yield from _of_changes(report.upgrade.changes, report)
    yield from _list("Alerts that come, with a runbook each:", _wrapped(report.upgrade.alerts))
    yield from _list("What the chart itself says of these values:", report.upgrade.warnings)
    if report.delays is not None:
        yield from _of_dags(report.delays, report.unreadable)
    if not report.has_loki:
        yield _NO_LOKI
    if report.upgrade.refused:
        yield from _list(
            "Next, run adopt again with what you have decided. These Secrets and volumes will have"
            " to be kept before the upgrade:"
            if report.upgrade.named
            else "Next:",
            [each.command for each in report.upgrade.named]
            or ["run adopt again with what you have decided"],
        )
        return
    yield from _list("Next:", _commands(report))


_NO_LOKI = """\
Before the upgrade, set the URL of your Loki, in a file that you give with -f as well. The pod of a
finished task waits while Loki does not answer there:
  global:
    taskLogs:
      loki:
        endpoint: http://loki-gateway.monitoring.svc.cluster.local:80
"""


def _of_changes(changes: Changes, report: Report) -> Iterator[str]:
    needed = [each for each in changes.losses if each.is_needed]
    others = [each for each in changes.losses if not each.is_needed]
    yield from _list(
        "DELETED BY THE UPGRADE unless you keep them first; the new release needs them:",
        [f"{each.kind}/{each.name}\n{each.command}" for each in needed],
    )
    yield from _list(
        "Deleted by the upgrade unless you keep them first; the new release does not use them:",
        [f"{each.kind}/{each.name}\n{each.command}" for each in others],
    )
    yield from _list(
        "Secrets that must exist before the upgrade, and that the old release did not need:",
        changes.missing,
    )
    if changes.unseen:
        yield (
            "Not all Secrets that the pods need could be found, so that some of those that are"
            f"\ndeleted may be needed: {changes.unseen}."
            "\n`airflow-platform check` with the new values says more.\n"
        )
    yield from _list(
        "Fields that cannot be changed; the upgrade would fail on them:",
        [f"{each.subject}: {each.field}\n{each.what_to_do}" for each in changes.immutable],
    )
    yield from _list("Images that change:", changes.images)
    yield from _list(f"Objects that go ({len(changes.goes)}):", changes.goes)
    yield from _list(f"Objects that come ({len(changes.comes)}):", changes.comes)
    yield from _list(
        "Not deleted, and not needed any more; delete them when you are sure:",
        changes.stays_behind,
    )
    if _statsd_goes(report):
        yield (
            "The metrics have other names and labels than those of the official chart's"
            " statsd-exporter:\ndashboards and alerts of your own must follow"
            " (prometheusRule.legacyNames helps), and so must what scrapes the old Service.\n"
        )


def _statsd_goes(report: Report) -> bool:
    names = (
        {each.partition("/")[2] for each in report.upgrade.changes.goes}
        if report.upgrade.changes
        else set()
    )
    return any(
        each.name in names and each.labels.get("component") == "statsd"
        for each in report.release.managed.all("Service")
    )


def _of_dags(delays: Sequence[Delay], unreadable: Sequence[Unreadable]) -> Iterator[str]:
    if not delays:
        yield "No artificial delay was found in the DAGs.\n"
    yield from _list(
        f"Artificial delays at the end of tasks ({len(delays)}); the sidecar makes them needless:",
        [f"{each.file}:{each.line} in {each.where}: {each.code}" for each in delays],
    )
    yield from _list(
        "Files that could not be read as Python:",
        [f"{each.file}: {each.reason}" for each in unreadable],
    )


def _commands(report: Report) -> list[str]:
    release = report.release
    if report.upgrade.refused:
        return [each.command for each in report.upgrade.named]
    losses = report.upgrade.changes.losses if report.upgrade.changes else ()
    files = [f"values/{report.environment}.yaml"] if report.environment else []
    options = " ".join(f"-f {shlex.quote(file)}" for file in (*files, *report.values_files))
    name, namespace = shlex.quote(release.name), shlex.quote(release.namespace)
    return [
        *(each.command for each in losses),
        f"helm upgrade {name} . -n {namespace} {options}",
        "airflow-platform verify-logs --loki URL --airflow URL --dag DAG_ID --trigger",
    ]


def _where(report: Report) -> str:
    on_top = f", to be given after values/{report.environment}.yaml" if report.environment else ""
    if not report.is_written:
        return f"those above{on_top}; --output {report.values_files[0]} writes them into that file"
    return f"in {report.values_files[0]}{on_top}"


def _executor(report: Report) -> str:
    return str(paths.get(report.release.effective, ("executor",)))


def _wrapped(names: Sequence[str]) -> list[str]:
    return [", ".join(names)] if names else []


def _list(title: str, items: Sequence[str]) -> Iterator[str]:
    if items:
        lines = (f"  {each.strip()}".replace("\n", "\n    ") for each in items)
        yield "\n".join((title, *lines, ""))
