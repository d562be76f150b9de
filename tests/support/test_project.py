import pytest

from airflow_platform.support.errors import PlatformError
from airflow_platform.support.project import environments, values_file


def test_each_values_file_is_an_environment():
    assert set(environments()) == {"dev", "staging", "prod"}
    assert values_file("prod").is_file()


def test_an_unknown_environment_lists_the_known_ones():
    with pytest.raises(PlatformError, match=r'"stagin" \(did you mean "staging"\?\).*dev, prod'):
        values_file("stagin")
