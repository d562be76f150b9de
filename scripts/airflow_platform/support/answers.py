"""What programs answer, remembered by what they were asked.

For programs whose answer depends on nothing but themselves, their arguments and their input, such
as those that judge a document. A program that is killed has not answered.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from airflow_platform.support import processes
from airflow_platform.support.cache import cache_dir, publish
from airflow_platform.support.errors import PlatformError


@dataclass(frozen=True)
class Answer:
    """How a program ended, and what it printed."""

    code: int
    stdout: str
    stderr: str


def ask(program: Path, *arguments: str, given: str) -> Answer:
    """Return what ``program`` answers to ``arguments`` and to ``given`` on its standard input.

    PlatformError when it is killed.
    """
    build = f"{program} {program.stat().st_mtime_ns}"
    question = json.dumps([build, arguments, given])
    key = hashlib.sha256(question.encode()).hexdigest()

    def write(target: Path) -> None:
        done = processes.run([program, *arguments], given=given)
        if done.returncode < 0:
            killed = f"{program.name} was killed by signal {-done.returncode}. Run it again."
            raise PlatformError(killed)
        answer = Answer(done.returncode, done.stdout, done.stderr)
        target.write_text(json.dumps(asdict(answer)), encoding="utf-8")

    answer = publish(cache_dir("answers") / f"{key}.json", write).read_text(encoding="utf-8")
    return Answer(**json.loads(answer))
