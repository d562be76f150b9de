"""The release that jobs run in, as an environment and values make it."""

import argparse
from collections.abc import Sequence

from airflow_platform.manifests import Render
from airflow_platform.rendering.output import announce_stand_in
from airflow_platform.rendering.render import render
from airflow_platform.rendering.upstream import find_upstream
from airflow_platform.support.project import KUBE_VERSION, NAMESPACE


def render_release(
    chosen: argparse.Namespace, sets: Sequence[str] = (), kube_version: str = KUBE_VERSION
) -> Render:
    """Render the chart with the options --environment, -f, --release and --namespace."""
    announce_stand_in(find_upstream())
    return render(
        chosen.environment,
        values=chosen.values,
        sets=sets,
        release=chosen.release,
        namespace=chosen.namespace or NAMESPACE,
        kube_version=kube_version,
    )
