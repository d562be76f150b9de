"""One workflow for people: Markdown with a table of its jobs and a graph, or JSON."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from airflow_jobs.pods import Platform, pod
from airflow_jobs.workflows import Workflow
from airflow_platform.jobs import schedules

# What Mermaid would read as more than text. It writes characters as #<number>;.
_OF_MERMAID = re.compile(r"[^\w .,:/=@*+'-]")
_OF_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>|&~#]|^[-+]|(?<=^[0-9])[.)])")


@dataclass(frozen=True)
class Job:
    """What a workflow says about one of its jobs, with what is for all of them."""

    name: str
    description: str
    image: str
    requests: Mapping[str, str]
    limits: Mapping[str, str]
    attempts: int
    delay: str | None
    timeout: str | None
    waits_for: Sequence[str]
    for_each: Sequence[str] | str | None


def jobs(workflow: Workflow) -> Iterator[Job]:
    """Yield the jobs, each after those that it waits for."""
    for name in workflow.in_order():
        job = workflow.job(name)
        container = pod(workflow, name, Platform())["spec"]["containers"][0]
        resources = container.get("resources", {})
        retry = workflow.retry(name)
        yield Job(
            name=name,
            description=job.get("description", ""),
            image=job["image"],
            requests=resources.get("requests", {}),
            limits=resources.get("limits", {}),
            attempts=retry["max_attempts"],
            delay=retry["delay"] if retry["max_attempts"] > 1 else None,
            timeout=job.get("timeout"),
            waits_for=workflow.before(name),
            for_each=workflow.settings.get("for_each", {}).get(name),
        )


def as_data(workflow: Workflow, now: datetime) -> dict[str, Any]:
    """Return a workflow for programs."""
    settings = workflow.settings
    return {
        "workflow": workflow.name,
        "description": settings.get("description", ""),
        "owner": settings.get("owner"),
        "tags": settings.get("tags", []),
        "schedule": settings.get("schedule"),
        "schedule_in_words": schedules.in_words(workflow),
        "time_zone": workflow.time_zone,
        "next_runs": [
            {"at": run.at.isoformat(), "ds": run.ds.isoformat()}
            for run in schedules.next_runs(workflow, now)
        ],
        "jobs": [vars(job) for job in jobs(workflow)],
        "mermaid": "\n".join(_graph(workflow)),
    }


def as_markdown(workflow: Workflow, now: datetime) -> str:
    """Return a workflow for people."""
    settings = workflow.settings
    lines = [f"# {_text(workflow.name)}", ""]
    if description := settings.get("description"):
        lines += [_text(description), ""]
    lines += [
        *_table(("", ""), _about(workflow, now)),
        "",
        "## Jobs",
        "",
        *_table(
            ("Job", "Image", "Resources", "Attempts", "Timeout", "Waits for", "Runs for each of"),
            (_row(job) for job in jobs(workflow)),
        ),
        "",
        "```mermaid",
        *_graph(workflow),
        "```",
    ]
    return "\n".join(lines)


def _about(workflow: Workflow, now: datetime) -> Iterator[tuple[str, str]]:
    settings = workflow.settings
    yield "Owner", settings.get("owner", "nobody")
    schedule = settings.get("schedule")
    written = f" ({schedule}, {workflow.time_zone})" if isinstance(schedule, str) else ""
    yield "Runs", f"{schedules.in_words(workflow)}{written}"
    runs = schedules.next_runs(workflow, now)
    if runs:
        times = (f"{run.at:%Y-%m-%d %H:%M %Z}, with ds {run.ds}" for run in runs)
        yield "Next", "\n".join(times)
    for key in ("start_date", "end_date"):
        if key in settings:
            yield key.replace("_", " ").capitalize(), settings[key]
    if "deadline" in settings:
        yield "Deadline of a run", settings["deadline"]


def _row(job: Job) -> tuple[str, ...]:
    requests = ", ".join(f"{name} {amount}" for name, amount in job.requests.items())
    limits = ", ".join(f"{name} {amount}" for name, amount in job.limits.items())
    attempts = f"{job.attempts}, after {job.delay}" if job.delay else str(job.attempts)
    return (
        job.name,
        job.image,
        f"{requests}; at most {limits}" if limits else requests,
        attempts,
        job.timeout or "none",
        ", ".join(job.waits_for),
        _items(job),
    )


def _items(job: Job) -> str:
    return job.for_each if isinstance(job.for_each, str) else ", ".join(job.for_each or ())


def _table(head: Sequence[str], rows: Any) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(map(_text, row))} |"


def _text(text: str) -> str:
    """Return a text that Markdown shows as it is, also in a table."""
    escaped = _OF_MARKDOWN.sub(r"\\\1", text.strip())
    return re.sub(r"\s*\n\s*", "<br>", escaped)


def _graph(workflow: Workflow) -> Iterator[str]:
    """Yield the lines of a graph of Mermaid: boxes with double sides are jobs that run for a list.

    https://mermaid.js.org/syntax/flowchart.html
    """
    yield "flowchart LR"
    ids = {name: f"job{number}" for number, name in enumerate(workflow.in_order())}
    for job in jobs(workflow):
        items = _items(job)
        label = _label(f"{job.name}\nfor each of {items}" if items else job.name)
        box = f'[["{label}"]]' if items else f'["{label}"]'
        yield f"  {ids[job.name]}{box}"
    for name in workflow.in_order():
        for other in workflow.before(name):
            yield f"  {ids[other]} --> {ids[name]}"


def _label(text: str) -> str:
    parts = (_OF_MERMAID.sub(lambda found: f"#{ord(found[0])};", part) for part in text.split("\n"))
    return "<br>".join(parts)
