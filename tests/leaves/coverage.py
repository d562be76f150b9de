"""Which leaves of our manifests somebody notices when they change, and which nobody does."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from airflow_platform.checks.judge import CHECKS, MALFORMED, NotCheckedError
from airflow_platform.checks.kubeconform import faults_of
from airflow_platform.manifests import Render
from airflow_platform.support import strict_yaml
from airflow_platform.support.errors import PlatformError
from airflow_platform.support.frozen import thaw
from airflow_platform.support.project import KUBE_VERSION

from . import carried
from .effects import holding, keys
from .leaf import Leaf, changed, dropped, leaves, neighbours, other, swapped, with_document

FREE: Mapping[str, str] = strict_yaml.load_file(Path(__file__).with_name("free.yaml"))

# Those that start a program for each render: asked only about what the others have not noticed.
_SLOW = frozenset(
    (
        "dashboard_data_sources_can_be_chosen",
        "dashboard_links_lead_somewhere",
        "dashboard_variables_are_defined",
        "dashboards_can_be_shown",
        "objects_fit_their_schema",
        "pods_are_restricted",
        "pods_keep_to_the_baseline",
        "prometheus_accepts_the_rules",
        "queries_read_what_there_is",
        "shell_programs_parse",
        "statsd_exporter_accepts_the_mapping",
        "vector_accepts_its_configuration",
        "vrl_compiles",
    )
)


@dataclass
class Coverage:
    """The leaves by what guards them; ``unguarded`` with the changes that nobody notices."""

    guarded: list[str] = field(default_factory=list)
    passed_through: list[str] = field(default_factory=list)
    carried_over: list[str] = field(default_factory=list)
    free: list[str] = field(default_factory=list)
    unguarded: dict[str, list[str]] = field(default_factory=dict)
    noticed_by: Counter[str] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        """The number of all leaves."""
        ours = (self.guarded, self.passed_through, self.carried_over, self.free, self.unguarded)
        return sum(map(len, ours))

    @property
    def share(self) -> float:
        """The share of leaves that are guarded, passed through or carried over."""
        return 1 - (len(self.free) + len(self.unguarded)) / self.total

    def __str__(self) -> str:
        return (
            f"{self.share:.1%} of {self.total} leaves: {len(self.guarded)} guarded by checks,"
            f" {len(self.passed_through)} passed through from values, {len(self.carried_over)}"
            f" carried over from files; {len(self.free)} are free"
        )


class Judges:
    """The checks, the one that noticed the last change first."""

    def __init__(self, render: Render) -> None:
        self._render = render
        self._quick = [name for name in CHECKS if name not in _SLOW]
        self._known = {name: set(CHECKS[name](render)) for name in self._quick}

    def notice(self, leaf: Leaf, document: Any) -> str | None:
        """Return the name of a check that notices the document in place of the leaf's."""
        try:
            render = with_document(self._render, leaf, document)
            for name in self._quick:
                if set(CHECKS[name](render)) - self._known[name]:
                    self._quick.remove(name)
                    self._quick.insert(0, name)
                    return name
        except (PlatformError, *MALFORMED):
            return "manifests_can_be_read"
        return None

    def notice_slowly(self, leaf: Leaf, document: Any) -> str | None:
        """Ask the checks that start programs about the changed object alone."""
        if leaf.key is None:
            return "objects_fit_their_schema" if _misfits(document) else None
        render = with_document(self._render, leaf, document)
        for name in ("vrl_compiles",):
            try:
                if CHECKS[name](render):
                    return name
            except NotCheckedError:
                return None
        return None


def _misfits(document: Any) -> bool:
    return bool(list(faults_of([("", thaw(document))], KUBE_VERSION)))


def measure(render: Render, values: Mapping[str, Any]) -> Coverage:
    """Change each leaf of ``render``: leave it out, another value, the value of its neighbour.

    ``values`` are what it was rendered from, as the add-on takes them.
    """
    found = Coverage()
    judges = Judges(render)
    passed = {leaf for key in keys() for leaf in holding(key)}
    parts = [
        (manifest, key, path)
        for carry in carried.CARRIED
        for manifest, key, path, there, wanted in carry(render, values)
        if carried.equal(there, wanted)
    ]
    left: list[Leaf] = []
    for leaf in leaves(render):
        if any(_in(leaf, *part) for part in parts):
            found.carried_over.append(leaf.name)
        elif _of_the_add_on(leaf.name) in passed:
            found.passed_through.append(leaf.name)
        else:
            left.append(leaf)
    partners: dict[int, list[Leaf]] = {}
    for one, two in neighbours(left):
        partners.setdefault(id(one), []).append(two)
    for leaf in left:
        unnoticed = list(_unnoticed(leaf, partners.get(id(leaf), ()), judges, found.noticed_by))
        if not unnoticed:
            found.guarded.append(leaf.name)
        elif any(re.search(pattern, leaf.name) for pattern in FREE):
            found.free.append(leaf.name)
        else:
            found.unguarded[leaf.name] = unnoticed
    return found


def _unnoticed(
    leaf: Leaf, partners: Sequence[Leaf], judges: Judges, noticed_by: Counter[str]
) -> Iterator[str]:
    changes = {
        "left out": dropped(leaf.document, leaf.path),
        "another value": changed(leaf.document, leaf.path, other(leaf.value)),
        **{f"swapped with {two}": swapped(leaf.document, leaf, two) for two in partners},
    }
    for change, document in changes.items():
        name = judges.notice(leaf, document) or judges.notice_slowly(leaf, document)
        if name is None:
            yield change
        else:
            noticed_by[name] += 1


def _in(leaf: Leaf, manifest: object, key: str | None, path: tuple[str | int, ...]) -> bool:
    return leaf.manifest is manifest and leaf.key == key and leaf.path[: len(path)] == path


def _of_the_add_on(name: str) -> str:
    """The name of the same leaf where the add-on makes the pod template."""
    return name.replace("ConfigMap/airflow-config pod_t", "ConfigMap/airflow-pod-template pod_t")
