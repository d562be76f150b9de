#!/usr/bin/env python3
"""A double of Vector: its file source, its acknowledged checkpoints and its Loki sink.

It has the properties of Vector 0.58 that the drain is about, its environment and its vector.yaml:

- files are found by polling; an idle loop backs off to 2.048 s; a file without a line for 10 s is
  read only every 10 s; a line without its newline is not read; a line above max_line_bytes is
  skipped, and mentioned only together with a later good line;
- a fresh start finds and reads every file once before it looks at signals; SIGTERM reads nothing
  more, sends what has been read, and gives up at the graceful limit; a second signal quits at once;
  the exit code is 0;
- a checkpoint is what Loki has accepted; a refused request is skipped by the next accepted one;
  checkpoints.json is replaced atomically.

Faults come from the JSON file $DOUBLE_PLAN, one object that all starts share:

  seconds      1.0    length of a second of the back-off and of the 10 s
  startup      0.0    seconds from the start to the first read; signals are queued
  deaf         0.0    seconds before signal handlers are installed
  never_starts null   exit code of a Vector that refuses its configuration
  crash_after  null   dies of SIGKILL when that many lines have been read, once
  ignore_term  false  has a handler that does nothing
  loki         "up"   "up", "down" (retries for ever), "refuse" (400), or seconds for each answer
  loki_from    {}     what `loki` is later, by seconds since the first start: {"2": "up"}
  refuse_line  null   Loki answers 400 to a request with this text in it, and keeps its other lines
  refuse_first 0      Loki answers 404 to the first so many requests

What Loki has stored is appended to `loki.jsonl` next to the plan (one {file, offset, line} each),
what happened to this process to `journal.jsonl` ({pid, event}).
"""

import glob
import json
import os
import queue
import select
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import yaml

PLAN = Path(os.environ["DOUBLE_PLAN"])
DEFAULTS: dict[str, Any] = {
    "seconds": 1.0,
    "startup": 0.0,
    "deaf": 0.0,
    "never_starts": None,
    "crash_after": None,
    "ignore_term": False,
    "loki": "up",
    "loki_from": {},
    "refuse_line": None,
    "refuse_first": 0,
}
LOCK = threading.Lock()


def append(name, record):
    """One write is one line, also with several processes."""
    with PLAN.with_name(name).open("ab", buffering=0) as file:
        file.write(json.dumps(record).encode() + b"\n")


def journal(event, **details):
    append("journal.jsonl", {"pid": os.getpid(), "event": event, **details})


def once(name):
    """True for the first caller of all processes."""
    try:
        os.close(os.open(PLAN.with_name(name), os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True


class QuitError(Exception):
    """A second signal, or the graceful limit."""


class Vector:
    def __init__(self, plan):
        self.plan = plan
        text = Path(os.environ["VECTOR_CONFIG"]).read_text()
        config = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        [(source_id, source)] = (
            (k, v) for k, v in config["sources"].items() if v["type"] == "file"
        )
        [loki] = (sink for sink in config["sinks"].values() if sink["type"] == "loki")
        self.include = source["include"]
        self.cooldown = source["glob_minimum_cooldown_ms"] / 1000
        self.max_read = source["max_read_bytes"]
        self.max_line = source["max_line_bytes"]
        assert source["fingerprint"]["strategy"] == "device_and_inode"
        assert loki["acknowledgements"]["enabled"]
        self.batch_bytes = loki["batch"]["max_bytes"]
        self.batch_seconds = loki["batch"]["timeout_secs"]
        self.data = Path(config["data_dir"]) / source_id
        self.limit = float(os.environ["VECTOR_GRACEFUL_SHUTDOWN_LIMIT_SECS"])
        assert self.limit >= 1
        self.files = {}
        self.positions = {}
        self.written = None
        self.lines = queue.Queue(maxsize=1000)
        self.signals = 0
        self.stopped_at = None
        # No threading.Event: to set one in a signal handler can deadlock.
        self.wake, self.waker = os.pipe()
        self.read = 0
        start = PLAN.with_name("first-start")
        if once("first-start"):
            start.write_text(str(time.time()))
        self.first_start = float(start.read_text() or time.time())

    # Signals

    def on_signal(self, number, _frame):
        journal("signal", number=number)
        if self.plan["ignore_term"]:
            return
        self.signals += 1
        self.stopped_at = self.stopped_at or time.time()
        os.write(self.waker, b"!")

    def give_up(self):
        """A second signal, or the graceful limit after the first."""
        return self.signals > 1 or (self.stopped_at and time.time() > self.stopped_at + self.limit)

    # Checkpoints

    def load_checkpoints(self):
        self.data.mkdir(exist_ok=True)
        try:
            state = json.loads((self.data / "checkpoints.json").read_text())
        except FileNotFoundError:
            return
        self.positions = {
            tuple(c["fingerprint"]["dev_inode"]): c["position"] for c in state["checkpoints"]
        }

    def save_checkpoints(self):
        with LOCK:
            positions = dict(self.positions)
        if positions == self.written:
            return
        state = {
            "version": "1",
            "checkpoints": [
                {
                    "fingerprint": {"dev_inode": list(k)},
                    "position": p,
                    "modified": "2026-11-21T08:00:00Z",
                }
                for k, p in sorted(positions.items())
            ],
        }
        new = self.data / "checkpoints.new.json"
        new.write_text(json.dumps(state, separators=(",", ":")))
        new.rename(self.data / "checkpoints.json")
        self.written = positions

    def checkpoint_writer(self):
        while True:
            time.sleep(self.cooldown)
            self.save_checkpoints()

    # Loki

    def loki(self):
        value = self.plan["loki"]
        for seconds, later in sorted(
            self.plan["loki_from"].items(), key=lambda item: float(item[0])
        ):
            if time.time() - self.first_start >= float(seconds):
                value = later
        return value

    def request(self, batch):
        """Sends a batch until Loki takes or refuses it."""
        while self.loki() == "down":
            time.sleep(0.01)
        if isinstance(self.loki(), (int, float)):
            time.sleep(self.loki())
        refused = self.loki() == "refuse"
        if any(once(f"refused-{n}") for n in range(self.plan["refuse_first"])):
            refused = True
        poison = self.plan["refuse_line"]
        stored = [] if refused else [x for x in batch if poison is None or poison not in x[2]]
        for file, offset, line, _key, _end in stored:
            append("loki.jsonl", {"file": file, "offset": offset, "line": line})
        if len(stored) < len(batch):
            print(
                "ERROR sink{component_id=loki}: Events dropped intentional=false "
                f'count={len(batch)} reason="Service call failed. No retries or "',
                file=sys.stderr,
                flush=True,
            )
            return
        with LOCK:
            for _file, _offset, _line, key, end in batch:
                self.positions[key] = end

    def sink(self):
        batch, size, due = [], 0, None
        while True:
            try:
                item = self.lines.get(timeout=max(0, due - time.time()) if due else None)
            except queue.Empty:
                item = "flush"
            if isinstance(item, tuple):
                due = due or time.time() + self.batch_seconds
                batch.append(item)
                size += len(item[2])
                if size < self.batch_bytes:
                    continue
            if batch:
                self.request(batch)
            batch, size, due = [], 0, None
            if item is None:
                return

    def put(self, item):
        while True:
            if self.give_up():
                raise QuitError
            try:
                return self.lines.put(item, timeout=0.05)
            except queue.Full:
                continue

    # The file source

    def find(self):
        for pattern in self.include:
            for name in sorted(glob.glob(pattern, recursive=True, include_hidden=True)):  # noqa: PTH207
                path = Path(name)
                try:
                    status = path.stat()
                    key = (status.st_dev, status.st_ino)
                    if key in self.files or not path.is_file():
                        continue
                    file = path.open("rb")
                except OSError:
                    continue
                file.seek(self.positions.get(key, 0))
                self.files[key] = {
                    "name": name,
                    "file": file,
                    "tried": status.st_mtime,
                    "found": status.st_mtime,
                    "skipped": 0,
                }

    def read_pass(self):
        total = 0
        ten = 10 * self.plan["seconds"]
        for key, state in self.files.items():
            now = time.time()
            if now - state["found"] >= ten and now - state["tried"] <= ten:
                continue
            state["tried"] = now
            got = 0
            while got <= self.max_read:
                offset = state["file"].tell()
                line = state["file"].readline()
                if not line.endswith(b"\n"):
                    state["file"].seek(offset)
                    break
                if len(line) - 1 > self.max_line:
                    state["skipped"] += 1
                    continue
                while state["skipped"]:
                    print(
                        "ERROR Found line that exceeds max_line_bytes; discarding.",
                        file=sys.stderr,
                        flush=True,
                    )
                    state["skipped"] -= 1
                state["found"] = time.time()
                got += len(line) - 1
                text = line[:-1].decode(errors="replace")
                self.put((state["name"], offset, text, key, state["file"].tell()))
                self.read += 1
                if (
                    self.plan["crash_after"] is not None
                    and self.read >= self.plan["crash_after"]
                    and once("crashed")
                ):
                    time.sleep(2 * self.batch_seconds)
                    os.kill(os.getpid(), signal.SIGKILL)
            total += got
        return total

    def run(self):
        time.sleep(self.plan["deaf"])
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP):
            signal.signal(number, self.on_signal)
        journal("start", limit=self.limit)
        time.sleep(self.plan["startup"])
        if self.plan["never_starts"] is not None:
            print("ERROR Configuration error.", file=sys.stderr)
            return self.plan["never_starts"]
        self.load_checkpoints()
        sink = threading.Thread(target=self.sink, daemon=True)
        sink.start()
        threading.Thread(target=self.checkpoint_writer, daemon=True).start()
        try:
            self.serve()
            self.put(None)
            while sink.is_alive():
                sink.join(0.005)
                if self.give_up():
                    raise QuitError
        except QuitError:
            journal("quit")
        else:
            self.save_checkpoints()
            journal("stopped")
        return 0

    def serve(self):
        next_find, backoff = 0.0, 1
        while True:
            if time.time() >= next_find:
                next_find = time.time() + self.cooldown
                self.find()
            read = self.read_pass()
            backoff = 1 if read else min(2048, backoff * 2)
            pause = 0 if read else backoff / 1000 * self.plan["seconds"]
            if self.stopped_at or select.select([self.wake], [], [], pause)[0]:
                return


if __name__ == "__main__":
    code = Vector(DEFAULTS | json.loads(PLAN.read_text())).run()
    sys.stderr.flush()
    os._exit(code)
