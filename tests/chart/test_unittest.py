"""The helm-unittest suites of the add-on chart, each of their cases as a test of its own."""

import subprocess
from collections import defaultdict
from collections.abc import Iterator, Mapping
from xml.etree import ElementTree

import pytest

from airflow_platform.support import strict_yaml
from airflow_platform.support.project import ADDON, ROOT

SUITES = "tests/**/*_test.yaml"

Case = tuple[str, str]  # names of the suite and of the case


def cases() -> Iterator[Case]:
    for file in sorted(ADDON.glob(SUITES)):
        for suite in strict_yaml.load_all(file.read_text(encoding="utf-8"), str(file)):
            for test in suite["tests"]:
                yield suite["suite"], test["it"]


@pytest.fixture(scope="module")
def failures(program, tmp_path_factory) -> Mapping[Case, list[str]]:
    """What each case that ran failed with, from one run of all suites."""
    report = tmp_path_factory.mktemp("helm-unittest") / "junit.xml"
    command = [str(program("helm-unittest")), "--strict", "--file", SUITES]
    command += ["--output-type", "JUnit", "--output-file", str(report), str(ADDON)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert report.exists(), done.stdout + done.stderr
    found: dict[Case, list[str]] = defaultdict(list)
    for suite in ElementTree.parse(report).iter("testsuite"):
        for case in suite.iter("testcase"):
            problems = [
                f"{problem.get('message', '')}\n{problem.text or ''}"
                for problem in case
                if problem.tag in ("failure", "error")
            ]
            found[suite.attrib["name"], case.attrib["name"]] += problems
    return found


@pytest.mark.xdist_group("helm-unittest")
@pytest.mark.parametrize("case", list(cases()), ids=": ".join)
def test_chart(case, failures):
    assert case in failures, "helm-unittest did not run this case"
    assert not failures[case], "\n".join(failures[case])
