"""The command line: airflow-platform COMMAND. Each command imports only what it needs."""

import argparse
import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from airflow_platform.adopt import command as adopt
from airflow_platform.bench import injection_command as bench_injection
from airflow_platform.bench import jobs_command as bench_jobs
from airflow_platform.bench import metrics_command as bench_metrics
from airflow_platform.bench import pipeline_command as bench_pipeline
from airflow_platform.bench.capture import command as bench_capture
from airflow_platform.bench.node import command as bench_node
from airflow_platform.checks import command as check
from airflow_platform.doctor import command as doctor
from airflow_platform.e2e import command as e2e
from airflow_platform.jobs import command as jobs
from airflow_platform.logs import command as logs
from airflow_platform.rendering import images_command, options
from airflow_platform.secrets import command as secrets
from airflow_platform.support import processes
from airflow_platform.support.errors import PlatformError
from airflow_platform.support.project import NAMESPACE, environments
from airflow_platform.verify_logs import command as verify_logs


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return its exit code.

    0; 1 when something is wrong; 2 for wrong usage; 128 and its number after a signal. A command
    may have more.
    """
    chosen = _parser().parse_args(arguments)
    try:
        code: int = chosen.run(chosen)
        sys.stdout.flush()
        return code
    except PlatformError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:  # the reader, `head` for example, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return processes.interrupted_code()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="airflow-platform", description="Render and check the charts of this repository."
    )
    commands = _subcommands(parser, "commands", "COMMAND")
    known = ", ".join(environments())

    render = commands.add_parser("render", help="print the manifests of an environment")
    render.add_argument("environment", nargs="?", metavar="ENV", help=f"one of: {known}")
    options.add_to(render)
    render.add_argument("--helm", type=int, choices=(3, 4), default=4, help="Helm's major version")
    render.add_argument(
        "--output", type=Path, metavar="DIR", help="write one file per object into this directory"
    )
    render.set_defaults(run=partial(_render, render))

    lint = commands.add_parser("lint", help="check charts, values, Python and YAML")
    options.add_values(lint, "look at this values file of yours only")
    lint.set_defaults(run=_lint)

    check.add_to(commands)
    adopt.add_to(commands)
    doctor.add_to(commands)
    e2e.add_to(commands)
    images_command.add_to(commands)
    jobs.add_to(commands)
    secrets.add_to(commands)

    tools = commands.add_parser("tools", help="build the pinned tools and show where they are")
    tools.add_argument("names", nargs="*", metavar="NAME", help="default: show all, build none")
    tools.set_defaults(run=_tools)

    generate = commands.add_parser(
        "generate",
        help="write the generated files: dashboards, schema descriptions, docs/values.md",
    )
    generate.add_argument(
        "--check", action="store_true", help="write nothing; fail if a file is out of date"
    )
    generate.set_defaults(run=_generate)

    logs.add_to(commands)
    verify_logs.add_to(commands)

    bench = commands.add_parser("bench", help="measure what the platform costs")
    benchmarks = _subcommands(bench, "benchmarks", "BENCHMARK")
    bench_capture.add_to(benchmarks)
    bench_injection.add_to(benchmarks)
    bench_metrics.add_to(benchmarks)
    bench_jobs.add_to(benchmarks)
    bench_node.add_to(benchmarks)
    bench_pipeline.add_to(benchmarks)
    return parser


def _subcommands(
    parser: argparse.ArgumentParser, title: str, metavar: str
) -> "argparse._SubParsersAction[argparse.ArgumentParser]":
    """Add subcommands, which are listed when none is given."""
    added = parser.add_subparsers(title=title, metavar=metavar)

    def refuse(_: argparse.Namespace) -> NoReturn:
        parser.error(f"give one of these: {', '.join(added.choices)}")

    parser.set_defaults(run=refuse)
    return added


def _render(parser: argparse.ArgumentParser, chosen: argparse.Namespace) -> int:
    if not chosen.environment:
        names = ", ".join(environments())
        parser.error(f"name an environment ({names}), for example: airflow-platform render prod")
    from airflow_platform.rendering.output import (
        announce_stand_in,
        warn,
        write_directory,
        write_stream,
    )
    from airflow_platform.rendering.render import render, warnings
    from airflow_platform.rendering.upstream import find_upstream

    upstream = find_upstream()
    announce_stand_in(upstream)
    release: dict[str, Any] = {
        "values": chosen.values,
        "sets": chosen.sets,
        "release": chosen.release,
        "namespace": chosen.namespace or NAMESPACE,
    }
    rendered = render(
        chosen.environment, helm=chosen.helm, kube_version=chosen.kube_version, **release
    )
    warn(warnings(chosen.environment, **release))
    if chosen.output:
        write_directory(rendered, upstream, chosen.output)
    else:
        write_stream(rendered, upstream, sys.stdout)
    return 0


def _lint(chosen: argparse.Namespace) -> int:
    from airflow_platform.lint.steps import lint
    from airflow_platform.rendering.output import announce_stand_in
    from airflow_platform.rendering.upstream import find_upstream

    announce_stand_in(find_upstream())
    return 0 if lint(chosen.values) else 1


def _tools(chosen: argparse.Namespace) -> int:
    from airflow_platform.support.tools import TOOLS, available, tool

    for name in chosen.names or TOOLS:
        path = tool(name) if chosen.names else available(name)
        print(name, TOOLS[name].version, path or "not built yet")
    return 0


def _generate(chosen: argparse.Namespace) -> int:
    from airflow_platform.generate.files import outdated, write

    changed = list(outdated()) if chosen.check else write()
    for path in changed:
        print(os.path.relpath(path))
    if chosen.check and changed:
        raise PlatformError(
            "These files are out of date. Write them anew: airflow-platform generate"
        )
    return 0
