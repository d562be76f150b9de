"""The command images: what to mirror for a cluster without access to public registries."""

import argparse
import json
import sys

from airflow_platform.rendering import options
from airflow_platform.support.errors import PlatformError
from airflow_platform.support.project import NAMESPACE, ROOT, environments, values_file

_DESCRIPTION = """\
Print the images of all pods of a release, one a line: those of Jobs, tests and task pods, of the
official chart and of its subcharts. Images that DAGs name are not among them.

With global.imageRegistry it says on stderr which images come from another registry.
"""


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = commands.add_parser(
        "images",
        help="list all images of a release, for a mirror",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    known = ", ".join(environments())
    add("environment", nargs="?", metavar="ENV", help=f"one of: {known}; default: all of them")
    options.add_to(parser)
    add("--output", choices=("text", "json"), default="text", help="default: %(default)s")
    parser.set_defaults(run=_run)


def _run(chosen: argparse.Namespace) -> int:
    from airflow_platform.manifests.images import images
    from airflow_platform.rendering.render import render
    from airflow_platform.rendering.upstream import find_upstream

    if find_upstream().is_stand_in:
        raise PlatformError(
            "The official chart was not found, and without it most images are not known. Set"
            " AIRFLOW_CHART to its directory or .tgz."
        )
    found: set[str] = set()
    elsewhere: set[str] = set()
    for environment in [chosen.environment] if chosen.environment else environments():
        release = render(
            environment,
            values=chosen.values,
            sets=chosen.sets,
            release=chosen.release,
            namespace=chosen.namespace or NAMESPACE,
            kube_version=chosen.kube_version,
        )
        registry = _registry(environment, chosen)
        named = images(release)
        found |= set(named)
        if registry:
            elsewhere |= {image for image in named if not image.startswith(f"{registry}/")}
    if chosen.output == "json":
        answer = {"images": sorted(found), "fromOtherRegistries": sorted(elsewhere)}
        print(json.dumps(answer, indent=2))
        return 0
    print(*sorted(found), sep="\n")
    if elsewhere:
        about = "These do not come from global.imageRegistry, because values name them:"
        print(about, *sorted(elsewhere), sep="\n  ", file=sys.stderr)
    return 0


def _registry(environment: str, chosen: argparse.Namespace) -> str:
    """Return global.imageRegistry of these values, empty where it is not set."""
    from airflow_platform.rendering.values import load_file, with_sets

    files = (ROOT / "values.yaml", values_file(environment), *chosen.values)
    values = with_sets([load_file(file) for file in files], chosen.sets)
    registry: str = (values.get("global") or {}).get("imageRegistry") or ""
    return registry
