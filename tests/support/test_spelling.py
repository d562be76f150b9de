import pytest

from airflow_platform.support.spelling import mentions


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("secretName: airflow-db", True),
        ('"airflow-db"', True),
        ("airflow-db-2", False),
        ("my.airflow-db", False),
        ("airflow_db", False),
    ],
)
def test_a_name_is_mentioned_where_it_is_no_part_of_a_longer_one(text: str, found: bool) -> None:
    assert mentions(text, "airflow-db") == found
