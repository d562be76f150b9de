"""Tries the new values out: what both majors of Helm make of them, and what that changes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from airflow_platform.adopt.changes import Changes, Loss, compare, named_by
from airflow_platform.adopt.release import Release
from airflow_platform.manifests import Render
from airflow_platform.rendering.helm import MAJORS, RefusedError
from airflow_platform.rendering.render import render, warnings
from airflow_platform.rendering.upstream import UpstreamChart


@dataclass(frozen=True)
class Upgrade:
    """What an upgrade to the new values does.

    ``refused`` is what Helm or a check says of them, by Helm's major version; there are no
    ``changes`` then, and ``named`` is what the release made and the values name. ``alerts`` are
    those that will be evaluated, ``warnings`` what the chart says itself.
    """

    refused: Mapping[int, str] = field(default_factory=dict)
    changes: Changes | None = None
    named: tuple[Loss, ...] = ()
    alerts: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def try_out(
    release: Release,
    values: Sequence[Mapping[str, Any]],
    environment: str | None,
    upstream: UpstreamChart,
) -> Upgrade:
    """Render ``values`` on top of those of ``environment``, and compare with ``release``.

    Later values win. What Helm refuses is part of the result.
    """
    renders: list[Render] = []
    refused: dict[int, str] = {}
    for major in MAJORS:
        try:
            renders.append(
                render(
                    environment,
                    values=values,
                    helm=major,
                    release=release.name,
                    namespace=release.namespace,
                    upstream=upstream,
                )
            )
        except RefusedError as reason:
            refused[major] = str(reason)
    if refused:
        return Upgrade(refused, named=named_by(values, release))
    *_, new = renders
    return Upgrade(
        changes=compare(release, new),
        alerts=tuple(
            rule["alert"]
            for rules in new.all("PrometheusRule")
            for group in rules.at("spec", "groups")
            for rule in group["rules"]
            if "alert" in rule
        ),
        warnings=tuple(
            warnings(
                environment,
                values=values,
                release=release.name,
                namespace=release.namespace,
                upstream=upstream,
            )
        ),
    )
