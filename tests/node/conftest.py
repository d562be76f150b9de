"""Tests on a real node are switched on, for they take root and minutes."""

import os

import pytest

from airflow_platform.node.requirements import NodeMissingError, require


def pytest_runtest_setup(item: pytest.Item) -> None:
    if not item.get_closest_marker("node"):
        return
    if os.environ.get("RUN_NODE") != "1":
        pytest.skip("runs on a real node; RUN_NODE=1 switches it on")
    try:
        require()
    except NodeMissingError as error:
        pytest.skip(str(error))
