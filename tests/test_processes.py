"""What a program has started ends with it."""

import contextlib
import sys
import time
from pathlib import Path

import pytest

from . import processes as programs

# Starts a program in a process group of its own, and ignores SIGTERM.
STUBBORN = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen(["sleep", "1000"], preexec_fn=os.setpgrp)
print(child.pid, flush=True)
time.sleep(1000)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="finds the processes of a session in /proc")
def test_all_that_a_program_has_started_ends(tmp_path, monkeypatch):
    monkeypatch.setattr(programs, "_GRACE_SECONDS", 0.1)
    with programs.processes(tmp_path) as running:
        running.start("stubborn", [sys.executable, "-c", STUBBORN])
        while not (child := running.logs().partition("\n")[2]):
            running.assert_running()
            time.sleep(0.01)
        assert Path(f"/proc/{child}").exists()
    with contextlib.suppress(OSError):
        _, _, status = Path(f"/proc/{child}/stat").read_text().rpartition(")")
        assert status.split()[0] == "Z"  # dead, if not yet buried


def test_a_program_that_ends_too_early_is_named_with_its_last_words(tmp_path):
    with programs.processes(tmp_path) as running:
        running.start("early", [sys.executable, "-c", "print('that is all')"])
        with pytest.raises(AssertionError, match=r"early ended\n--- early\nthat is all"):
            running.wait_for_url("http://127.0.0.1:9/", seconds=30)
