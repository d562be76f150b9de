"""The command secrets: which Secrets a release needs, and a script that makes them."""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from airflow_platform.rendering import options
from airflow_platform.support.project import NAMESPACE, environments

if TYPE_CHECKING:
    from airflow_platform.secrets.needs import Needed
    from airflow_platform.secrets.recipes import At, Recipe

_DESCRIPTION = """\
Print which Secrets a release needs, with which keys, who reads them and who makes them, as the
manifests say: variables, volumes and pull Secrets of all pods, task pods included, and custom
resources.

--format names prints the names of those that nobody else makes, one a line, and
--format script a POSIX shell script that makes them. Keys and passwords are random; what only you
can know, it takes from variables or asks for. It leaves Secrets alone that exist, so it can run
again. It needs kubectl and openssl:

  airflow-platform secrets prod -f mine.yaml --format script > secrets.sh
  sh secrets.sh
"""
_FEW = 3  # readers that a line of the table names


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = commands.add_parser(
        "secrets",
        help="list the Secrets that a release needs, or print a script that makes them",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("environment", metavar="ENV", help=f"one of: {', '.join(environments())}")
    options.add_to(parser)
    parser.add_argument(
        "--format",
        choices=("table", "names", "json", "script"),
        default="table",
        help="default: %(default)s",
    )
    parser.set_defaults(run=_run)


def _run(chosen: argparse.Namespace) -> int:
    from airflow_platform.rendering.output import announce_stand_in
    from airflow_platform.rendering.render import render
    from airflow_platform.rendering.upstream import find_upstream
    from airflow_platform.secrets.needs import needed
    from airflow_platform.secrets.recipes import recipes
    from airflow_platform.secrets.script import script

    announce_stand_in(find_upstream())
    namespace = chosen.namespace or NAMESPACE
    rendered = render(
        chosen.environment,
        values=chosen.values,
        sets=chosen.sets,
        release=chosen.release,
        namespace=namespace,
        kube_version=chosen.kube_version,
    )
    secrets = needed(rendered)
    found = recipes(rendered, secrets)
    if chosen.format == "script":
        sys.stdout.write(script(secrets, found, namespace))
    elif chosen.format == "names":
        print(*(secret.name for secret in secrets if secret.maker == "you"), sep="\n")
    elif chosen.format == "json":
        print(json.dumps({"namespace": namespace, "secrets": _as_json(secrets, found)}, indent=2))
    else:
        _print(secrets)
    return 0


def _as_json(
    secrets: Sequence["Needed"], recipes: Mapping["At", "Recipe"]
) -> list[Mapping[str, object]]:
    return [
        {
            "name": secret.name,
            "type": secret.type,
            "madeBy": secret.maker,
            "optional": secret.optional,
            "readBy": sorted(secret.readers),
            "keys": [
                {
                    "name": name,
                    "optional": key.optional,
                    "readBy": sorted(key.readers),
                    "value": type(recipes[secret.name, name]).__name__.lower(),
                }
                for name, key in sorted(secret.keys.items())
            ],
        }
        for secret in secrets
    ]


def _print(secrets: Sequence["Needed"]) -> None:
    rows = [("SECRET", "KEYS", "MADE BY", "READ BY")]
    for secret in secrets:
        keys = ", ".join(sorted(secret.keys)) or "(all of them)"
        maker = f"{secret.maker} (optional)" if secret.optional else secret.maker
        readers = sorted(secret.readers)
        more = f" and {len(readers) - _FEW} more" if len(readers) > _FEW else ""
        rows.append((secret.name, keys, maker, ", ".join(readers[:_FEW]) + more))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        print("  ".join((*cells, row[3])).rstrip())
    if not secrets:
        print("(none)")
