"""Nearly every leaf of our manifests is guarded, and the others are listed with a reason.

A leaf is one value in a manifest of ours or in a document embedded in one. It is guarded when a
check notices that it is left out, has another value, or has that of its neighbour; or it is passed
through from the values (effects.yaml says from which key); or it is carried over from a file of the
chart, whose content has tests of its own.
"""

import re
from collections.abc import Callable

import pytest

from airflow_platform.manifests import Render
from airflow_platform.rendering.render import render
from airflow_platform.rendering.upstream import stand_in
from airflow_platform.rendering.values import merged
from airflow_platform.support import strict_yaml
from airflow_platform.support.project import values_file

from . import carried
from .coverage import FREE, Coverage, measure
from .effects import CHART, EVERYTHING_ON

LEAST_SHARE = 0.95
PROD = strict_yaml.load_file(values_file("prod"))
VALUES = merged({"global": PROD["global"], **PROD["observability"]}, EVERYTHING_ON)

pytestmark = pytest.mark.xdist_group("leaves")


@pytest.fixture(scope="module")
def everything() -> Render:
    """A release with everything of ours on, around the stand-in: the same on any machine."""
    on = strict_yaml.load_file(CHART / "everything-on.yaml")
    return render("prod", values=[on], upstream=stand_in())


@pytest.fixture(scope="module")
def coverage(everything: Render, say_at_the_end: Callable[[str], None]) -> Coverage:
    measured = measure(everything, VALUES)
    say_at_the_end(f"Leaf coverage: {measured}.")
    return measured


def test_every_leaf_is_guarded_or_listed_as_free(coverage: Coverage) -> None:
    assert coverage.unguarded == {}


def test_the_share_of_guarded_leaves_is_high(coverage: Coverage) -> None:
    assert coverage.share >= LEAST_SHARE, str(coverage)


def test_the_list_of_free_leaves_is_short_and_has_no_leftovers(coverage: Coverage) -> None:
    assert len(FREE) <= 10
    for pattern in FREE:
        assert any(re.search(pattern, leaf) for leaf in coverage.free), f"remove {pattern}"
    assert all(FREE.values()), "each has a reason"


@pytest.mark.parametrize("carry", carried.CARRIED, ids=lambda carry: carry.__name__)
def test_what_comes_from_a_file_is_as_in_the_file(everything: Render, carry) -> None:
    parts = list(carry(everything, VALUES))
    assert parts
    for manifest, key, path, there, wanted in parts:
        assert carried.equal(there, wanted), f"{key or manifest} {path}"
