"""The options of the commands that render: what Helm is told besides the environment."""

import argparse
from pathlib import Path

from airflow_platform.support.project import KUBE_VERSION, NAMESPACE, RELEASE


def add_values(parser: argparse.ArgumentParser, about: str) -> None:
    """Add -f, whose help text is ``about``."""
    parser.add_argument(
        *("-f", "--values"),
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help=f"{about}; may be repeated",
    )


def add_sets(parser: argparse.ArgumentParser) -> None:
    """Add --set."""
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        dest="sets",
        metavar="KEY=VALUE",
        help="set one value, as helm --set does; may be repeated",
    )


def add_to(parser: argparse.ArgumentParser) -> None:
    """Add values, single values, release, namespace and Kubernetes' version.

    The namespace is None where it is not given.
    """
    add_values(parser, "values of yours, on top of the environment's")
    add_sets(parser)
    add = parser.add_argument
    add("--release", default=RELEASE, help="default: %(default)s")
    add("--namespace", help=f"default: {NAMESPACE}")
    add("--kube-version", default=KUBE_VERSION, help="default: %(default)s")
