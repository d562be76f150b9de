"""The command jobs run: the Pod of one job, without Airflow."""

import argparse
import json
import sys
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from airflow_platform.rendering import options as render_options
from airflow_platform.support.errors import PlatformError
from airflow_platform.support.project import RELEASE, environments

if TYPE_CHECKING:
    from airflow_jobs.pods import Platform
    from airflow_jobs.runs import Run
    from airflow_jobs.workflows import Workflow

_DESCRIPTION = """\
Print the Pod that Airflow would make for a job, and make it with --kubeconfig. Airflow adds a
suffix to its name, and labels of its own. With --environment or -f it is the Pod of that release:
with its pull Secrets, and the labels that its network policy selects by.

  airflow-platform jobs run workflows/sales/jobs/load.yaml --set warehouse_schema=test
"""


def add_to(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the commands of jobs."""
    parser = actions.add_parser(
        "run",
        help="print the Pod of a job, or make it in a cluster",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", type=Path, metavar="JOB", help="file of the job: jobs/<job>.yaml")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="PARAM=VALUE",
        help="another value of a parameter; the value is read as YAML",
    )
    parser.add_argument(
        "--output",
        action="append",
        default=[],
        metavar="JOB.NAME=VALUE",
        help="an output of a job that this one waits for; the value is read as YAML",
    )
    parser.add_argument("--item", help="what the job runs for, when it runs for each of a list")
    parser.add_argument(
        "--logical-date",
        metavar="TIME",
        type=datetime.fromisoformat,
        help="in ISO 8601, in the workflow's time zone; default: now",
    )
    parser.add_argument("--run-id", help="default: manual__ and the logical date")
    parser.add_argument(
        "--environment",
        metavar="ENV",
        help=f"run as in a release of one of: {', '.join(environments())}",
    )
    render_options.add_values(parser, "values of the release, on top of the environment's")
    parser.add_argument("--release", default=RELEASE, help="default: %(default)s")
    parser.add_argument("--namespace", help="of the release, and of the Pod")
    parser.add_argument("--service-account", help="where the job names none")
    parser.add_argument("--kubeconfig", type=Path, help="make the Pod in this cluster")
    parser.set_defaults(run=_run)


def _run(chosen: argparse.Namespace) -> int:
    import yaml

    from airflow_jobs.pods import pod

    workflow, name = _job(chosen.file)
    run = _attempt(workflow, name, chosen)
    try:
        made = pod(workflow, name, _platform(chosen), run.fill)
    except KeyError as error:
        raise PlatformError(str(error.args[0])) from None
    made["metadata"]["generateName"] = f"{made['metadata'].pop('name')}-"
    if chosen.kubeconfig:
        return _create(made, chosen.kubeconfig)
    yaml.safe_dump(made, sys.stdout, sort_keys=False, allow_unicode=True)
    return 0


def _platform(chosen: argparse.Namespace) -> "Platform":
    """Return where and as whom the job runs: as in a release, if one is chosen."""
    from airflow_jobs.pods import Platform, platform_of
    from airflow_platform.jobs.references import platform_json
    from airflow_platform.jobs.release import render_release

    where = Platform()
    if chosen.environment or chosen.values:
        if not (text := platform_json(render_release(chosen))):
            raise PlatformError("This release runs no jobs. Set:\n\n  jobs:\n    enabled: true\n")
        where = platform_of(text)
    own = {"namespace": chosen.namespace, "service_account": chosen.service_account}
    return replace(where, **{key: value for key, value in own.items() if value})


def _job(file: Path) -> "tuple[Workflow, str]":
    """Return the workflow of a job's file, and the job's name; PlatformError for what is wrong."""
    from airflow_jobs.loading import load_all
    from airflow_jobs.problems import SpecificationError

    if not file.is_file():
        raise PlatformError(f"There is no file {file}: name that of a job, jobs/<job>.yaml.")
    folder = file.absolute().parent
    try:
        (specification,) = load_all(folder.parent if folder.name == "jobs" else folder)
    except SpecificationError as error:
        raise PlatformError(str(error)) from None
    except ValueError:
        raise PlatformError(f"{file} is in no folder jobs of a workflow.") from None
    if specification.errors:
        raise PlatformError("\n".join(map(str, specification.errors)))
    for name, part in specification.jobs.items():
        if part.document.file.samefile(file):
            return specification.workflow, name
    raise PlatformError(f"{file} is no job of the workflow {specification.name}.")


def _attempt(workflow: "Workflow", name: str, chosen: argparse.Namespace) -> "Run":
    """Return an attempt of the job, as the options say."""
    from airflow_jobs.runs import Run
    from airflow_platform.jobs.schedules import data_interval_end

    zone = ZoneInfo(workflow.time_zone)
    date = chosen.logical_date or datetime.now(UTC)
    date = date.replace(tzinfo=zone) if date.tzinfo is None else date
    params = workflow.params(name)
    for key, value in _assignments(chosen.set, "--set PARAM=VALUE"):
        if key not in params:
            known = ", ".join(params) or "none"
            raise PlatformError(f"There is no parameter {key}; there are: {known}.")
        params[key] = value
    outputs = dict(_assignments(chosen.output, "--output JOB.NAME=VALUE"))

    def output(job: str, wanted: str) -> Any:
        if f"{job}.{wanted}" not in outputs:
            raise PlatformError(f"Say what {job} has left: --output {job}.{wanted}=VALUE.")
        return outputs[f"{job}.{wanted}"]

    runs_for_each = workflow.source(name) or workflow.items(name)
    if runs_for_each and chosen.item is None:
        raise PlatformError(f"{name} runs for each of a list: say for which with --item.")
    if chosen.item is not None and not runs_for_each:
        raise PlatformError(f"{name} does not run for each of a list, so it has no item.")
    return Run(
        workflow=workflow.name,
        job=name,
        run_id=chosen.run_id or f"manual__{date.astimezone(UTC).isoformat()}",
        attempt=1,
        logical_date=date,
        data_interval_start=date,
        data_interval_end=data_interval_end(workflow, date),
        time_zone=workflow.time_zone,
        params=params,
        output=output,
        item=chosen.item,
    )


def _assignments(given: Iterable[str], form: str) -> Iterable[tuple[str, Any]]:
    import yaml

    for each in given:
        key, equals, value = each.partition("=")
        if not equals:
            raise PlatformError(f"{each} has another form than {form}.")
        try:
            # A template variable would be a mapping of a mapping.
            yield key, value if value.startswith("{{") else yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise PlatformError(f"The value of {key} is no YAML: {error}") from None


def _create(made: dict[str, Any], kubeconfig: Path) -> int:
    from airflow_platform.cluster.cluster import Cluster

    name = Cluster(kubeconfig.absolute()).kubectl(
        *("create", "--filename=-", "--output=jsonpath={.metadata.name}"), given=json.dumps(made)
    )
    namespace = made["metadata"].get("namespace")
    where = f" --namespace {namespace}" if namespace else ""
    print(
        f"The Pod {name} is made. Follow it with\n"
        f"  kubectl --kubeconfig {kubeconfig}{where} logs --follow {name}"
    )
    return 0
