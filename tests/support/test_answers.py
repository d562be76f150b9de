"""A program is asked once, and its answer belongs to exactly what it was asked."""

import os
from pathlib import Path

import pytest

from airflow_platform.support import answers
from airflow_platform.support.answers import Answer, ask
from airflow_platform.support.errors import PlatformError


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program that counts how often it runs and repeats what it is given."""
    (tmp_path / "cache").mkdir()
    monkeypatch.setattr(answers, "cache_dir", lambda *_: tmp_path / "cache")
    path = tmp_path / "program"
    path.write_text(f'#!/bin/sh\necho >>{tmp_path}/runs\necho "$@"; cat; echo no >&2; exit 3\n')
    path.chmod(0o755)
    return path


def runs(program: Path) -> int:
    return len((program.parent / "runs").read_text().splitlines())


def test_the_same_question_is_asked_once(program: Path) -> None:
    first = ask(program, "-a", given="text\n")
    assert first == Answer(3, "-a\ntext\n", "no\n")
    assert ask(program, "-a", given="text\n") == first
    assert runs(program) == 1


def test_other_arguments_another_input_or_another_build_are_other_questions(program: Path) -> None:
    ask(program, "-a", given="text")
    ask(program, "-b", given="text")
    ask(program, "-a", given="other")
    os.utime(program, ns=(1, 1))  # as after another build
    ask(program, "-a", given="text")
    assert runs(program) == 4


def test_a_program_that_is_killed_has_not_answered(program: Path) -> None:
    program.write_text("#!/bin/sh\nkill -9 $$\n")
    for _ in range(2):
        with pytest.raises(PlatformError, match="killed by signal 9"):
            ask(program, given="")
