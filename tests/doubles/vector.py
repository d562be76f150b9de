#!/usr/bin/env python3
"""A double of Vector: its file source, its acknowledged checkpoints and its Loki sink.

It has the properties of Vector 0.58 that the drain is about, its environment and its vector.yaml:

- files are found by polling; an idle loop backs off to 2.048 s; a file without a line for 10 s is
  read only every 10 s; a line without its newline is not read; a line above max_line_bytes is
  skipped, and mentioned only together with a later good line;
- a fresh start finds and reads every file once before it looks at signals; SIGTERM reads nothing
  more, sends what has been read, and gives up at the graceful limit; a second signal quits at once;
  the exit code is 0;
- a file stays open when it is removed, until it is read to its end, then also without a newline;
  its checkpoint stays;
- a checkpoint counts for whatever has its inode, and is not moved when the file becomes shorter;
- a checkpoints.json that is not JSON, or has a negative position, is taken for none;
- lines are pushed to the Loki of vector.yaml; 429, 5xx and a connection that fails are retried for
  ever, any other error drops the lines of the request;
- a checkpoint is what Loki has accepted; a refused request is skipped by the next accepted one;
  checkpoints.json is replaced atomically;
- it opens whatever has a name of `include` and not of `exclude`: a pipe without a writer makes it
  wait for ever, one with a writer makes it panic, a device without an end is read without end;
- it does not see a file whose name is not UTF-8;
- it does not start without its configuration and every program that this names.

It does not run those programs: lines go to Loki as they are, labels and structured metadata come
from the path of the file, which itself is the metadata `file`.

$DOUBLE_PLAN may name a JSON file: one object with the faults of all starts. What happened to this
process is then appended to `journal.jsonl` next to it ({pid, event, ...}).

  seconds      1.0    length of a second of the back-off and of the 10 s
  startup      0.0    seconds from the start to the first read; signals are queued
  deaf         0.0    seconds before signal handlers are installed
  never_starts null   exit code of a Vector that refuses its configuration
  crash_after  null   dies of SIGKILL when that many lines have been read, once
  ignore_term  false  has a handler that does nothing
"""

import glob
import io
import json
import os
import queue
import re
import select
import signal
import socket
import sys
import threading
import time
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

PLAN = Path(os.environ["DOUBLE_PLAN"]) if "DOUBLE_PLAN" in os.environ else None
DEFAULTS: dict[str, Any] = {
    "seconds": 1.0,
    "startup": 0.0,
    "deaf": 0.0,
    "never_starts": None,
    "crash_after": None,
    "ignore_term": False,
}
LOCK = threading.Lock()
PLACE = re.compile(
    r"(?:/tails/(?P<tail>[0-9]+)/)?dag_id=(?P<dag_id>[^/]+)/run_id=(?P<run_id>[^/]+)/"
    r"task_id=(?P<task_id>[^/]+)/(?:map_index=(?P<map_index>[0-9]+)/)?"
    r"attempt=(?P<try_number>[0-9]+)\.log"
)


def journal(event, **details):
    """Appends a note. One write is one line, also with several processes."""
    if PLAN:
        with PLAN.with_name("journal.jsonl").open("ab", buffering=0) as file:
            record = {"pid": os.getpid(), "event": event, **details}
            file.write(json.dumps(record).encode() + b"\n")


def log(line):
    print(line, file=sys.stderr, flush=True)


def ignored_signals():
    """The names of the signals that this process has inherited as ignored."""
    [mask] = re.findall(r"(?m)^SigIgn:\s*(\w+)$", Path("/proc/self/status").read_text())
    return [number.name for number in signal.Signals if int(mask, 16) >> number - 1 & 1]


def once(name):
    """True for the first caller of all processes."""
    try:
        os.close(os.open(PLAN.with_name(name), os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True


def install(directory):
    """Makes the double a program in this directory; returns its path."""
    program = directory / "vector"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{__file__}" "$@"\n')
    program.chmod(0o755)
    return program


class QuitError(Exception):
    """A second signal, or the graceful limit."""


class Vector:
    def __init__(self, plan):
        self.plan = plan
        text = Path(os.environ.get("VECTOR_CONFIG", "vector.yaml")).read_text()
        config = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        [(source_id, source)] = (
            (k, v) for k, v in config["sources"].items() if v["type"] == "file"
        )
        [loki] = (sink for sink in config["sinks"].values() if sink["type"] == "loki")
        for transform in config["transforms"].values():
            for program in (*transform.get("files", ()), *filter(None, [transform.get("file")])):
                Path(program).read_text()
        self.address = urlsplit(loki["endpoint"])
        self.path = loki.get("path", "/loki/api/v1/push")
        self.include = source["include"]
        self.exclude = source["exclude"]
        self.cooldown = source["glob_minimum_cooldown_ms"] / 1000
        self.max_read = source["max_read_bytes"]
        self.max_line = source["max_line_bytes"]
        assert source["fingerprint"]["strategy"] == "device_and_inode"
        assert loki["acknowledgements"]["enabled"]
        self.batch_bytes = loki["batch"]["max_bytes"]
        self.batch_seconds = loki["batch"]["timeout_secs"]
        self.data = Path(config["data_dir"]) / source_id
        self.limit = float(os.environ.get("VECTOR_GRACEFUL_SHUTDOWN_LIMIT_SECS", "60"))
        assert self.limit >= 1
        self.files = {}
        self.positions = {}
        self.modified = {}
        self.written = None
        self.lines = queue.Queue(maxsize=1000)
        self.signals = 0
        self.stopped_at = None
        # No threading.Event: to set one in a signal handler can deadlock.
        self.wake, self.waker = os.pipe()
        self.read = 0

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
            state = json.loads((self.data / "checkpoints.json").read_text(errors="replace"))
        except (FileNotFoundError, ValueError):
            return
        if any(checkpoint["position"] < 0 for checkpoint in state["checkpoints"]):
            return
        for checkpoint in state["checkpoints"]:
            key = tuple(checkpoint["fingerprint"]["dev_inode"])
            self.positions[key] = checkpoint["position"]
            self.modified[key] = checkpoint["modified"]

    def save_checkpoints(self):
        with LOCK:
            positions, modified = dict(self.positions), dict(self.modified)
        if (positions, modified) == self.written:
            return
        state = {
            "version": "1",
            "checkpoints": [
                {
                    "fingerprint": {"dev_inode": list(k)},
                    "position": p,
                    "modified": modified[k],
                }
                for k, p in sorted(positions.items())
            ],
        }
        new = self.data / "checkpoints.new.json"
        try:
            new.write_text(json.dumps(state, separators=(",", ":")))
            new.rename(self.data / "checkpoints.json")
        except OSError as error:
            log(f"ERROR Failed writing checkpoints. error={error}")
            return
        self.written = positions, modified

    def checkpoint_writer(self):
        while True:
            time.sleep(self.cooldown)
            self.save_checkpoints()

    # Loki

    def push(self, body):
        """The status of Loki's answer, 503 where there is none."""
        head = f"POST {self.path} HTTP/1.0\r\nContent-Length: {len(body)}\r\n\r\n"
        try:
            place = self.address.hostname, self.address.port
            with socket.create_connection(place) as connection:
                connection.sendall(head.encode() + body)
                return int(connection.makefile("rb").readline().split()[1])
        except (OSError, IndexError):
            return 503

    def request(self, batch):
        """Sends a batch until Loki takes or refuses it."""
        body = json.dumps({"streams": [self.stream(*line) for line in batch]}).encode()
        while (status := self.push(body)) == 429 or status >= 500:
            time.sleep(0.03)
        if status >= 400:
            log(
                "ERROR sink{component_id=loki}: Events dropped intentional=false "
                f'count={len(batch)} reason="Service call failed. No retries or "'
            )
            return
        with LOCK:
            for _file, _offset, _line, key, end in batch:
                self.positions[key] = end
                self.modified[key] = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"

    def stream(self, file, offset, line, _key, _end):
        """A line as Loki's push API takes it."""
        place = PLACE.search(file)
        fields = {k: v for k, v in place.groupdict().items() if v} if place else {}
        offset += int(fields.pop("tail", 0))
        labels = {name: fields.pop(name) for name in ("dag_id", "task_id") if name in fields}
        metadata = {**fields, "file": file, "offset": str(offset)}
        if "POD_NAME" in os.environ:
            metadata["pod"] = os.environ["POD_NAME"]
        values = [[str(time.time_ns()), line, metadata]]
        return {"stream": {"job": "airflow-task-logs", **labels}, "values": values}

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
        for state in self.files.values():
            state["findable"] = False
        for pattern in self.include:
            for name in sorted(glob.glob(pattern, recursive=True, include_hidden=True)):  # noqa: PTH207
                path = Path(name)
                try:
                    path.name.encode()
                    status = path.stat()
                    key = (status.st_dev, status.st_ino)
                    if key in self.files:
                        self.files[key]["findable"] = True
                        continue
                    if path.is_dir() or any(fnmatchcase(name, each) for each in self.exclude):
                        continue
                    file = path.open("rb")
                except (OSError, UnicodeEncodeError):
                    continue
                file.peek(2)  # is it compressed?
                file.seek(self.positions.get(key, 0))
                self.files[key] = {
                    "name": name,
                    "file": file,
                    "tried": status.st_mtime,
                    "found": status.st_mtime,
                    "skipped": 0,
                    "findable": True,
                }

    def read_pass(self):
        total = 0
        ten = 10 * self.plan["seconds"]
        for key, state in list(self.files.items()):
            now = time.time()
            if now - state["found"] >= ten and now - state["tried"] <= ten:
                continue
            state["tried"] = now
            got = 0
            while got <= self.max_read:
                offset = state["file"].tell()
                line = state["file"].readline(self.max_line + 1)
                long = False
                while len(line) > self.max_line and not line.endswith(b"\n"):
                    long = True
                    line = state["file"].readline(self.max_line + 1)
                if not line.endswith(b"\n"):
                    if state["findable"]:
                        state["file"].seek(offset)
                        break
                    if line:
                        text = line.decode(errors="replace")
                        self.put((state["name"], offset, text, key, state["file"].tell()))
                    state["file"].close()
                    del self.files[key]
                    break
                if long:
                    state["skipped"] += 1
                    continue
                while state["skipped"]:
                    log("ERROR Found line that exceeds max_line_bytes; discarding.")
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
        ignored = ignored_signals()
        time.sleep(self.plan["deaf"])
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP):
            signal.signal(number, self.on_signal)
        settings = {k: v for k, v in os.environ.items() if k.startswith("VECTOR_")}
        times = {k: os.environ.get(k) for k in ("SIDECAR_STARTED_AT", "READ_AT")}
        journal("start", limit=self.limit, settings=settings, ignored=ignored, times=times)
        time.sleep(self.plan["startup"])
        if self.plan["never_starts"] is not None:
            log("ERROR Configuration error.")
            return self.plan["never_starts"]
        self.load_checkpoints()
        if os.environ.get("VECTOR_LOG") == "info":
            log("INFO source{component_id=task_logs}: Starting file server.")
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
        except io.UnsupportedOperation:
            log("thread 'vector-worker' panicked: Illegal seek")
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
    if "--version" in sys.argv:
        print("vector 0.58.0 (double)")
        sys.exit()
    faults = json.loads(PLAN.read_text()) if PLAN and PLAN.exists() else {}
    code = Vector(DEFAULTS | faults).run()
    os._exit(code)
