"""The command doctor."""

import argparse
import os
from functools import partial
from pathlib import Path

from airflow_platform.support.durations import duration
from airflow_platform.support.spelling import did_you_mean

_DESCRIPTION = """\
Look at a release in its cluster, and say in plain words what is wrong, what it means, and what
mends it: a command or values. It only reads, and its rights are those of examples/doctor.

It finds the release by itself: the one of this chart, or of the add-on next to the official chart,
in the namespace. Loki and Prometheus are asked by way of the API server, where the release's Loki
is a Service of the cluster that wants no credentials, and Prometheus is one of prometheus-operator;
else by --loki and --prometheus.

Exit codes:
  0  nothing is wrong; there may be notes
  1  something is wrong: there are errors or warnings
  2  wrong usage
  3  it could not look: the cluster does not answer or has no such release; or nothing is wrong in
     what was seen, but something was not seen. Leave out what you do not want to know by --skip.
"""
_ENVIRONMENT = """\
environment variables:
  LOKI_ADDR, LOKI_ORG_ID, LOKI_CA_CERT_PATH   defaults of --loki, --tenant, --ca-file
  LOKI_USERNAME and LOKI_PASSWORD, or LOKI_BEARER_TOKEN
"""
_KUBECTL_SECONDS = 20.0


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "doctor",
        help="say what is wrong with a release in its cluster, and what mends it",
        description=_DESCRIPTION,
        epilog=_ENVIRONMENT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--kubeconfig", type=Path, metavar="FILE", help="default: that of kubectl")
    add("--context", default="", metavar="NAME", help="of the kubeconfig; default: the current one")
    add("-n", "--namespace", metavar="NAME", help="default: that of the context")
    add("--release", metavar="NAME", help="default: the one of this chart in the namespace")
    loki, tenant = os.environ.get("LOKI_ADDR"), os.environ.get("LOKI_ORG_ID", "")
    add("--loki", default=loki, metavar="URL", help="default: the Service that the release names")
    add("--tenant", default=tenant, metavar="ID", help="of a multi-tenant Loki")
    add("--prometheus", metavar="URL", help="default: that of prometheus-operator")
    certificates = os.environ.get("LOKI_CA_CERT_PATH")
    add(
        "--ca-file",
        type=Path,
        default=certificates,
        metavar="FILE",
        help="for https, in PEM format",
    )
    add(
        "--since",
        type=duration,
        default="1h",
        metavar="TIME",
        help="how far to look back, such as 30m or 6h; default: %(default)s",
    )
    add(
        "--skip",
        action="append",
        default=[],
        metavar="EXAMINATION",
        help="leave an examination out; may be repeated (docs/doctor.md lists them)",
    )
    add("--format", choices=("text", "json"), default="text")
    parser.set_defaults(run=partial(_run, parser))


def _run(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    from airflow_platform.cluster.cluster import Cluster
    from airflow_platform.doctor.examining import examine
    from airflow_platform.doctor.gathering import Question, gather
    from airflow_platform.doctor.model import EXAMINATIONS
    from airflow_platform.doctor.report import as_json, as_text, exit_code
    from airflow_platform.support.progress import progress

    if options.kubeconfig and not options.kubeconfig.is_file():
        parser.error(f"{options.kubeconfig} is no file")
    for name in ("loki", "prometheus"):
        url = getattr(options, name)
        # One with a password is refused later, by a message that does not repeat it.
        if url and "@" not in url and not url.startswith(("http://", "https://")):
            parser.error(f"--{name} {url} is not a URL; write, for example, http://localhost:3100")
    for name in options.skip:
        if name not in EXAMINATIONS:
            parser.error(f"there is no examination {name}{did_you_mean(name, tuple(EXAMINATIONS))}")
    with progress("Looking at the cluster"):
        facts = gather(
            Question(
                cluster=Cluster(
                    options.kubeconfig and options.kubeconfig.absolute(),
                    options.context,
                    _KUBECTL_SECONDS,
                ),
                namespace=options.namespace,
                release=options.release,
                loki=options.loki,
                tenant=options.tenant,
                prometheus=options.prometheus,
                ca_file=options.ca_file,
                since=options.since,
            )
        )
        outcomes = examine(facts, options.skip)
    print(as_json(facts, outcomes) if options.format == "json" else as_text(facts, outcomes))
    return exit_code(outcomes)
