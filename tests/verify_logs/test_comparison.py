"""What counts as found, missing and extra."""

from airflow_platform.verify_logs.comparison import compare


def test_equal_logs_pass_in_any_order():
    comparison = compare(["a", "b", "b"], ["b", "a", "b"])
    assert comparison.passed
    assert (comparison.expected, comparison.found) == (3, 3)


def test_a_missing_line_fails():
    comparison = compare(["a", "b", "c"], ["a", "c"])
    assert not comparison.passed
    assert comparison.missing == ("b",)
    assert comparison.found == 2


def test_one_of_two_equal_lines_is_missing():
    assert compare(["a", "a"], ["a"]).missing == ("a",)


def test_a_line_that_is_there_twice_fails():
    comparison = compare(["a"], ["a", "a"])
    assert not comparison.passed
    assert comparison.extra == ("a",)
    assert comparison.found == 2


def test_a_changed_line_is_missing_and_extra():
    comparison = compare(["a", "b"], ["a", "B"])
    assert (comparison.missing, comparison.extra) == (("b",), ("B",))


def test_a_redacted_line_is_found():
    expected = [
        "postgresql://u:secret@host/db and Bearer abcdef.",
        "key\n-----BEGIN KEY-----\nabc\nend",
    ]
    found = ["postgresql://u:***@host/db and Bearer ***.", "key\n-----BEGIN KEY-----***end"]
    assert compare(expected, found).passed


def test_a_redacted_line_stands_for_one_line():
    assert compare(["p=1", "p=2"], ["p=***"]).missing == ("p=2",)


def test_stars_do_not_stand_for_what_differs_elsewhere():
    assert compare(["user u password p"], ["user x password ***"]).missing
    assert compare(["ab"], ["ab***b"]).missing
    assert compare(["a1"], ["a***2"]).missing
    assert compare(["a x b"], ["a ***y*** b"]).missing
    assert compare(["x then y"], ["***y***x***"]).missing


def test_stars_of_the_task_are_just_text():
    assert compare(["*** done ***"], ["*** done ***"]).passed
    assert compare(["*" * 200], ["*" * 200]).passed


def test_other_lines_may_be_there_where_not_all_are_expected():
    comparison = compare(["a"], ["x", "a", "y"], complete=False)
    assert comparison.passed
    assert comparison.found == 1


def test_an_expected_line_may_not_be_there_twice():
    assert compare(["a"], ["x", "a", "a"], complete=False).extra == ("a",)
