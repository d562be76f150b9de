"""The command check: what the tests check, for values and manifests of the user's own."""

import argparse
import contextlib
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_platform.rendering import options
from airflow_platform.support.errors import PlatformError
from airflow_platform.support.project import NAMESPACE, environments
from airflow_platform.support.spelling import mentions

if TYPE_CHECKING:
    from airflow_platform.checks.judge import Violation
    from airflow_platform.manifests import Render
    from airflow_platform.rendering.upstream import UpstreamChart

STREAM = "-"
_RELEASE_NAME = re.compile(r"\{\{-?\s*\.Release\.Name\s*-?\}\}")

_DESCRIPTION = """\
Render with both majors of Helm and check the manifests: security, names, references between
objects, secrets, the schemas of Kubernetes and of custom resources, and what is embedded in
ConfigMaps by the programs that will read it. Also the keys below `airflow:`, of which the official
chart ignores misspelt ones. One line for each finding: the object, what is wrong, what to set.

Without ENV and without values of yours all environments are checked. Exit code 1: findings.
"""


@dataclass
class Outcome:
    """What the checks say of one set of values, or of one stream of manifests.

    ``findings`` hold those of both Helm majors, equal ones once. ``needed`` are the Secrets and
    ConfigMaps that must exist before the installation, with the keys that pods take from them.
    ``warnings`` are what Helm's notes warn of.
    """

    name: str
    findings: dict["Violation", None] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    not_checked: dict[str, str] = field(default_factory=dict)
    needed: dict[tuple[str, str], set[str]] = field(default_factory=dict)


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = commands.add_parser(
        "check",
        help="check the manifests of an environment, of values of yours, or of a stream",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    known = ", ".join(environments())
    add("environment", nargs="?", metavar="ENV", help=f"one of: {known}, all; or - for stdin")
    options.add_to(parser)
    add(
        "--airflow-chart",
        type=Path,
        metavar="C",
        help="the official chart, a directory or .tgz; default: where it is found",
    )
    add("--output", choices=("text", "json"), default="text", help="default: %(default)s")
    parser.set_defaults(run=_run)


def _run(chosen: argparse.Namespace) -> int:
    if chosen.environment == STREAM:
        if chosen.values or chosen.sets or chosen.airflow_chart:
            raise PlatformError(
                "Manifests on stdin are rendered already: -f, --set and --airflow-chart have no"
                " place beside -. Give them to `helm template`."
            )
        outcomes = [check_stream(sys.stdin.read(), chosen.namespace)]
    else:
        outcomes = list(_check_values(chosen))
    if chosen.output == "json":
        print(json.dumps({"passed": not _found(outcomes), **_as_json(outcomes)}, indent=2))
    else:
        _print(outcomes)
    return 1 if _found(outcomes) else 0


def check_stream(text: str, namespace: str | None = None) -> Outcome:
    """Check a stream of manifests, as `helm template` prints it.

    ``namespace`` is the release's; None: the one that most objects name. What is not in the stream
    (Secrets, ConfigMaps, ServiceAccounts, ClusterRoles) is taken to exist, for nobody can tell.
    """
    from airflow_platform.manifests import Render

    rendered = Render.from_text(text, name="stdin")
    if not rendered.manifests:
        raise PlatformError("There is no manifest on stdin. Give what `helm template` prints.")
    named = Counter(each.namespace for each in rendered.manifests if each.namespace)
    usual = named.most_common(1)[0][0] if named else NAMESPACE
    rendered = rendered.replace(namespace=namespace or usual)
    outcome = Outcome("stdin")
    _judge(outcome, rendered, named_in=None)
    return outcome


def _check_values(chosen: argparse.Namespace) -> Iterator[Outcome]:
    from airflow_platform.rendering.output import announce_stand_in
    from airflow_platform.rendering.upstream import chart_at, find_upstream

    chart = chosen.airflow_chart
    upstream = chart_at(chart, "--airflow-chart") if chart else find_upstream()
    announce_stand_in(upstream)
    own = chosen.values or chosen.sets
    wanted: Sequence[str | None] = (
        environments()
        if chosen.environment == "all" or not (chosen.environment or own)
        else [chosen.environment]
    )
    for environment in wanted:
        yield _check_environment(environment, upstream, chosen)


def _check_environment(
    environment: str | None, upstream: "UpstreamChart", chosen: argparse.Namespace
) -> Outcome:
    from airflow_platform.checks.judge import Violation
    from airflow_platform.rendering.helm import MAJORS, RefusedError
    from airflow_platform.rendering.render import render, warnings
    from airflow_platform.rendering.values import load_file, unknown_keys, with_sets
    from airflow_platform.support.project import ROOT, values_file

    files = [ROOT / "values.yaml", *([values_file(environment)] if environment else [])]
    values = with_sets([load_file(file) for file in (*files, *chosen.values)], chosen.sets)
    outcome = Outcome(environment or "values")
    if upstream.is_stand_in:
        outcome.not_checked["keys_are_known"] = "needs the official chart; set AIRFLOW_CHART"
    else:
        for key, wrong in unknown_keys(values, upstream):
            outcome.findings[Violation("keys_are_known", key, wrong)] = None
    release: dict[str, Any] = {
        "values": chosen.values,
        "sets": chosen.sets,
        "release": chosen.release,
        "namespace": chosen.namespace or NAMESPACE,
        "upstream": upstream,
    }
    with contextlib.suppress(RefusedError):  # it becomes a finding below
        outcome.warnings = warnings(environment, **release)
    for major in MAJORS:
        try:
            rendered = render(environment, helm=major, kube_version=chosen.kube_version, **release)
        except RefusedError as refused:
            violation = Violation("helm_renders_it", f"Helm {major}", str(refused))
            outcome.findings[violation] = None
            continue
        text = _RELEASE_NAME.sub(chosen.release, json.dumps(values))
        _judge(outcome, rendered, named_in=text)
    return outcome


def _judge(outcome: Outcome, rendered: "Render", *, named_in: str | None) -> None:
    """Add what the checks say of a render.

    What ``named_in``, the text of the values, names is taken to exist; everything when it is None.
    """
    from airflow_platform.checks.judge import MALFORMED, judge
    from airflow_platform.checks.kubeconform import kinds_without_schema
    from airflow_platform.checks.references import EXTERNAL_KINDS, not_rendered
    from airflow_platform.manifests import External

    names: dict[str, dict[str, None]] = {kind: {} for kind in EXTERNAL_KINDS}
    try:
        for reference in not_rendered(rendered):
            if named_in is None or mentions(named_in, reference.name):
                names[reference.kind][reference.name] = None
                keys = outcome.needed.setdefault((reference.kind, reference.name), set())
                keys |= {reference.key} if reference.key else set()
    except (PlatformError, *MALFORMED):
        pass  # manifests that cannot be read; the checks say so
    external = External(
        secrets=names["Secret"],
        config_maps=names["ConfigMap"],
        service_accounts=names["ServiceAccount"],
        cluster_roles=names["ClusterRole"],
    )
    verdict = judge(rendered.replace(external=external))
    outcome.findings |= dict.fromkeys(verdict.violations)
    outcome.not_checked |= verdict.not_checked
    for kind in sorted(kinds_without_schema(rendered)):
        reason = "no CustomResourceDefinition of it is listed in tools/crds.yaml"
        outcome.not_checked[f"the form of {kind}"] = reason


def _found(outcomes: Sequence[Outcome]) -> bool:
    return any(outcome.findings for outcome in outcomes)


def _as_json(outcomes: Sequence[Outcome]) -> Mapping[str, object]:
    return {
        "findings": [
            {
                "values": outcome.name,
                "check": finding.rule,
                "object": finding.subject,
                "message": finding.message,
            }
            for outcome in outcomes
            for finding in outcome.findings
        ],
        "warnings": [
            {"values": outcome.name, "message": warning}
            for outcome in outcomes
            for warning in outcome.warnings
        ],
        "notChecked": {name: why for each in outcomes for name, why in each.not_checked.items()},
        "needed": [
            {"values": outcome.name, "kind": kind, "name": name, "keys": sorted(keys)}
            for outcome in outcomes
            for (kind, name), keys in sorted(outcome.needed.items())
        ],
    }


def _print(outcomes: Sequence[Outcome]) -> None:
    from airflow_platform.rendering.output import report

    for outcome in outcomes:
        report(outcome.name, list(outcome.findings))
        for warning in outcome.warnings:
            print("  WARNING: " + warning.replace("\n", "\n  "))
        for (kind, name), keys in sorted(outcome.needed.items()):
            what = f" with {', '.join(sorted(keys))}" if keys else ""
            print(f"  must exist in the namespace: {kind} {name}{what}")
    for check, why in {k: v for each in outcomes for k, v in each.not_checked.items()}.items():
        print(f"not checked: {check}: {why}")
