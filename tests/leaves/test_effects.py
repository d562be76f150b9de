"""Each key of the values reaches what it is for, and nothing else."""

from pathlib import Path

import pytest

from airflow_platform.support import strict_yaml

from .effects import changed_by, in_general, keys

EFFECTS = strict_yaml.load_file(Path(__file__).with_name("effects.yaml"))


def test_the_effect_of_every_key_is_listed() -> None:
    assert set(EFFECTS) == set(keys())


@pytest.mark.parametrize("key", EFFECTS)
def test_a_key_changes_exactly_what_it_is_for(key: str) -> None:
    assert in_general(changed_by(key)) == sorted(EFFECTS[key])
