"""The effect of each setting of drain.sh."""

from __future__ import annotations

import pytest

from .marks import busybox, double
from .shipped import shipped
from .sidecar import Sidecar, wait_for
from .test_drain import assert_all_delivered, lines

pytestmark = double


# --- Vector's ---


@busybox
def test_vector_gets_its_settings(sidecar: Sidecar) -> None:
    sidecar.start()
    sidecar.up()
    sidecar.task_log().write_text("without a newline")
    assert_all_delivered(sidecar)
    sidecar.environment |= {"VECTOR_THREADS": "2", "VECTOR_CHUNK_SIZE_EVENTS": "100"}
    sidecar.environment |= {"VECTOR_LOG_FORMAT": "json", "VECTOR_COLOR": "always"}
    sidecar.start()
    sidecar.up()
    sidecar.kill()
    *starts, last = [start["settings"] for start in sidecar.journal("start")]
    assert len(starts) >= 2
    for settings in starts:
        del settings["VECTOR_GRACEFUL_SHUTDOWN_LIMIT_SECS"]
        assert settings == {
            "VECTOR_CONFIG": "vector.yaml",
            "VECTOR_THREADS": "1",
            "VECTOR_CHUNK_SIZE_EVENTS": "64",
            "VECTOR_LOG": "info",
            "VECTOR_LOG_FORMAT": "text",
            "VECTOR_COLOR": "never",
        }
    assert (last["VECTOR_THREADS"], last["VECTOR_CHUNK_SIZE_EVENTS"]) == ("2", "100")
    # The drain reads Vector's log.
    assert (last["VECTOR_LOG_FORMAT"], last["VECTOR_COLOR"]) == ("text", "never")


@busybox
def test_without_a_level_vector_says_no_less_than_the_drain_must_read(sidecar: Sidecar) -> None:
    sidecar.environment["VECTOR_LOG"] = ""
    sidecar.start()
    wait_for(lambda: sidecar.journal("start"), "a Vector")
    assert sidecar.journal("start")[0]["settings"]["VECTOR_LOG"] == "warn"
    assert shipped().environment()["VECTOR_LOG"] == "warn"


# --- Effects ---


@busybox
def test_paths_and_names_can_be_others(sidecar: Sidecar) -> None:
    elsewhere = sidecar.directory / "elsewhere"
    logs, data = elsewhere / "logs", elsewhere / "data"
    for directory in (logs, data):
        directory.mkdir(parents=True)
    (source,) = sidecar.config["sources"].values()
    source["include"] = [f"{logs}/**/attempt=*.log*", f"{data}/tails/**/*.log*"]
    sidecar.config["data_dir"] = str(data)
    sidecar.config["sources"] = {"files": source}
    sidecar.config["transforms"]["parse"]["inputs"] = ["files"]
    sidecar.tool("another-vector", f'echo called >>"{elsewhere}/called"\nexec vector "$@"')
    sidecar.environment |= {
        "LOG_ROOT": str(logs),
        "DATA_DIR": str(data),
        "SOURCE_ID": "files",
        "TERMINATION_LOG": str(elsewhere / "termination-log"),
        "VECTOR_BIN": "another-vector",
    }
    sidecar.loki.poison = "poison"
    sidecar.start()
    sidecar.up()
    (logs / "attempt=1.log").write_text(lines(3))
    wait_for(sidecar.loki.entries, "the first file")
    (logs / "attempt=2.log").write_text("poison\n")
    assert sidecar.stop().code == 1
    report = (elsewhere / "termination-log").read_text()
    assert report.endswith("\n7 of 7 bytes missing: attempt=2.log\n")
    assert (elsewhere / "called").exists()
    assert list(sidecar.data.iterdir()) == []


@busybox
def test_the_configuration_can_have_another_name(sidecar: Sidecar) -> None:
    sidecar.environment["VECTOR_CONFIG"] = "/nonexistent.yaml"
    sidecar.start()
    wait_for(lambda: "/nonexistent.yaml" in sidecar.output(), "a Vector without configuration")


@busybox
def test_without_a_pods_id_the_configuration_is_kept_all_the_same(sidecar: Sidecar) -> None:
    sidecar.pod["metadata.uid"] = ""
    sidecar.start()
    sidecar.up()
    assert (sidecar.data / "configuration" / "pod" / "vector.yaml").exists()


@busybox
@pytest.mark.parametrize(("limit", "code"), [(280, 0), (279, 1)])
def test_refused_lines_are_offered_again_up_to_a_size_of_the_logs(
    sidecar: Sidecar, limit: int, code: int
) -> None:
    sidecar.loki.status, sidecar.loki.failures = 404, 1
    sidecar.config["sinks"]["loki"]["batch"]["timeout_secs"] = 0.05
    sidecar.environment["RESEND_MAX_BYTES"] = str(limit)
    sidecar.start()
    sidecar.up()
    log = sidecar.task_log()
    log.write_text("x" * 139 + "\n")
    wait_for(lambda: "Events dropped" in sidecar.output(), "a refused request")
    with log.open("a") as file:
        file.write("x" * 139 + "\n")
    wait_for(lambda: sidecar.loki.entries(), "a request that moves the checkpoint")
    assert sidecar.stop().code == code
    assert len(sidecar.delivered()[str(log.relative_to(sidecar.logs))]) == 2 - code


@busybox
def test_the_port_of_statsd_has_a_default_and_without_a_host_nothing_is_sent(
    sidecar: Sidecar,
) -> None:
    to = sidecar.directory / "to"
    sidecar.tool("nc", f'echo "$@" >>"{to}"')
    for host in ("", "exporter"):
        sidecar.environment["STATSD_HOST"] = host
        sidecar.start()
        sidecar.up()
        assert_all_delivered(sidecar)
    assert to.read_text() == "-u -w 1 exporter 9125\n"
